"""HTTP message signatures: they sign and we verify, we sign and they verify."""

from dataclasses import dataclass
from typing import Any

import pytest
from ilpkit.httpsig.components import fold_headers
from ilpkit.httpsig.errors import SignatureRefused
from ilpkit.httpsig.keys import parse_public_jwk, private_key_from_seed, public_jwk
from ilpkit.httpsig.sign import sign_request
from ilpkit.httpsig.verify import parse_signatures, verify_request

from tests.differential.node_driver import NodeDriver

pytestmark = pytest.mark.differential

SEED = bytes(range(32))
KEY_ID = "keyid-97a3a431-8ee1-48fc-ac85-70e2f5eba8e5"
KEY = private_key_from_seed(SEED)
JWK = public_jwk(KEY, kid=KEY_ID)
CREATED_S = 1_700_000_000


@dataclass(frozen=True)
class Case:
    """A request as Open Payments clients make them."""

    method: str
    url: str
    token: str | None = None
    body: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"GNAP {self.token}"} if self.token else {}

    def request(self, headers: dict[str, str]) -> dict[str, Any]:
        named = {"method": self.method, "url": self.url, "headers": {**self.headers, **headers}}
        return named if self.body is None else {**named, "body": self.body}

    @property
    def raw_body(self) -> bytes | None:
        return None if self.body is None else self.body.encode()


CASES = [
    Case("POST", "https://auth.example/", body='{"access_token":{"access":[]}}'),
    Case("POST", "https://auth.example", body='{"client":"https://wallet.example/alice"}'),
    Case("POST", "https://rs.example/incoming-payments", token="OZB8CDFONP", body='{"a":"\u20ac"}'),
    Case("POST", "http://127.0.0.1:3000/continue/7", token="tok"),
    Case("GET", "https://rs.example/quotes/5", token="tok"),
    Case("GET", "https://rs.example/ips?wallet-address=https%3A%2F%2Fw.example&first=2", token="t"),
    Case("DELETE", "https://auth.example/token/9", token="tok"),
]  # fmt: skip
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.url[:40]}")


@cases
def test_what_they_sign_we_accept(node: NodeDriver, case: Case) -> None:
    signed = node("http_signatures.sign", request=case.request({}), seed=SEED.hex(), key_id=KEY_ID)
    headers = fold_headers({**case.headers, **signed}.items())
    parsed = parse_signatures(headers)[0]
    assert parsed.key_id == KEY_ID
    assert parsed.created is not None
    arguments: dict[str, Any] = {
        "method": case.method,
        "target_uri": case.url,
        "headers": headers,
        "parsed": parsed,
        "public_key": parse_public_jwk(JWK),
        "now": parsed.created,
    }
    verify_request(body=case.raw_body, **arguments)
    with pytest.raises(SignatureRefused):
        verify_request(body=b'{"swapped":true}', **arguments)
    with pytest.raises(SignatureRefused):
        verify_request(body=case.raw_body, **{**arguments, "method": "PUT"})


@cases
def test_what_we_sign_they_accept(node: NodeDriver, case: Case) -> None:
    added = sign_request(
        method=case.method,
        target_uri=case.url,
        headers=case.headers,
        body=case.raw_body,
        key_id=KEY_ID,
        private_key=KEY,
        created=CREATED_S,
    )
    assert node("http_signatures.verify", request=case.request(added), jwk=JWK) is True
    elsewhere = {**case.request(added), "url": case.url + "/elsewhere"}
    assert node("http_signatures.verify", request=elsewhere, jwk=JWK) is False
