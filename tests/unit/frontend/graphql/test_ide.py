"""GraphiQL's requests are signed in the browser as an account servicing entity signs them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from servicekit.hmac_signature import verify_signature

from services.frontend.graphql import ide

SECRET = "the-tenant-secret"
BODY = {"query": "{ whoami { id } }", "variables": {"b": 1, "a": [{"z": 1.5, "c": "é"}]}}
BROWSER = """
globalThis.location = new URL("http://admin.test/graphql");
const kept = { tenant: "the-tenant", secret: %s };
globalThis.sessionStorage = { getItem: (name) => kept[name], setItem() {}, clear() {} };
const fetch = async (_, sent) => (console.log(JSON.stringify(sent)), { status: 200 });
globalThis.window = { fetch };
(0, eval)(%s);
window.fetch("http://admin.test/graphql", { method: "POST", body: %s });
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node on the PATH")
def test_the_page_signs_what_it_posts() -> None:
    script = Path(ide.__file__).with_name("ide_signing.js").read_text()
    parts = (SECRET, script.replace("SIGNATURE_VERSION", "1"), json.dumps(BODY))
    program = BROWSER % tuple(json.dumps(part) for part in parts)
    ran = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    sent = json.loads(ran.stdout)
    assert sent["headers"]["tenant-id"] == "the-tenant"
    assert json.loads(sent["body"]) == BODY
    signature = sent["headers"]["signature"]
    signed_at_ms = int(signature.removeprefix("t=").partition(",")[0])
    verify_signature(
        signature,
        secret=SECRET,
        version=1,
        body=sent["body"].encode(),
        now_ms=signed_at_ms,
        ttl_ms=1,
    )
