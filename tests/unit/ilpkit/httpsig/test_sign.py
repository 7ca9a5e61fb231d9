"""Our signatures equal the TypeScript client's, byte for byte."""

import pytest
from ilpkit.httpsig.errors import UnsignableRequest
from ilpkit.httpsig.keys import parse_public_jwk, private_key_from_seed
from ilpkit.httpsig.sign import sign_request
from ilpkit.httpsig.verify import parse_signatures, verify_request

from tests.support.vectors import load_json

_CREATED = 1700000000


def test_node_vectors() -> None:
    document = load_json("generated", "http-signatures-node.json")
    key = private_key_from_seed(bytes.fromhex(document["privateKeySeedHex"]))
    for case in document["cases"]:
        sent = {k: v for k, v in case["headers"].items() if k == "authorization"}
        added = sign_request(
            method=case["method"],
            target_uri=case["url"],
            headers=sent,
            body=None if case["body"] is None else case["body"].encode(),
            key_id="key-1",
            private_key=key,
            created=_CREATED,
        )
        assert {**sent, **added} == case["headers"], case["name"]
        verify_request(
            method=case["method"],
            target_uri=case["url"],
            headers=case["headers"],
            body=None if case["body"] is None else case["body"].encode(),
            parsed=parse_signatures(case["headers"])[0],
            public_key=parse_public_jwk(document["jwk"]),
            now=_CREATED,
        )


def _sign(*, key_id: str = "key-1", authorization: str = "GNAP t") -> dict[str, str]:
    return sign_request(
        method="POST",
        target_uri="https://h/p",
        headers={"Authorization": authorization, "Content-Type": "text/plain"},
        body=b"x",
        key_id=key_id,
        private_key=private_key_from_seed(bytes(32)),
        created=_CREATED,
    )


def test_header_names_match_in_any_case_and_the_content_type_is_kept() -> None:
    added = _sign()
    assert added["content-type"] == "text/plain"
    assert '"authorization"' in added["signature-input"]


def test_a_quote_in_the_key_id_is_escaped() -> None:
    assert 'keyid="a\\"b"' in _sign(key_id='a"b')["signature-input"]


@pytest.mark.parametrize("key_id", ["", "kéy", "a\n"])
def test_an_unusable_key_id_is_our_fault(key_id: str) -> None:
    with pytest.raises(UnsignableRequest):
        _sign(key_id=key_id)


def test_an_unsafe_header_is_our_fault() -> None:
    with pytest.raises(UnsignableRequest, match="authorization cannot be signed"):
        _sign(authorization="GNAP a\nb")
