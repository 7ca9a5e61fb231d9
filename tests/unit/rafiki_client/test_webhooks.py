import json
from pathlib import Path
from typing import Any

import pytest
from rafiki_client import WebhookRefusedError, verify_webhook
from servicekit.hmac_signature import make_signature

VECTORS = json.loads(
    (Path(__file__).resolve().parents[3] / "clients/vectors/webhooks.json").read_text()
)
CASES = {case["name"]: case for case in VECTORS["cases"]}
VALID = [name for name, case in CASES.items() if case["valid"]]
REFUSED = [name for name, case in CASES.items() if not case["valid"]]


def verify(case: dict[str, Any]) -> dict[str, Any]:
    return verify_webhook(
        case["header"], case["body"].encode(), secret=VECTORS["secret"], now_ms=case["now_ms"]
    )


@pytest.mark.parametrize("name", VALID)
def test_accepts(name: str) -> None:
    assert verify(CASES[name]) == json.loads(CASES[name]["body"])


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    with pytest.raises(WebhookRefusedError):
        verify(CASES[name])


@pytest.mark.parametrize("name", VALID)
def test_the_vectors_are_what_the_node_signs(name: str) -> None:
    case = CASES[name]
    signed_at_ms = int(case["header"].partition("t=")[2].partition(",")[0])
    made = make_signature(
        json.loads(case["body"]), secret=VECTORS["secret"], version=1, now_ms=signed_at_ms
    )
    assert made.partition("v1=")[2] in case["header"]


def test_the_clock_is_the_systems_by_default() -> None:
    case = CASES["an event of the node"]
    with pytest.raises(WebhookRefusedError, match="time"):
        verify_webhook(case["header"], case["body"].encode(), secret=VECTORS["secret"])
