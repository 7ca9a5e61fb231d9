"""RFC 9530 digests over raw bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.httpsig.content_digest import make_content_digest, verify_content_digest
from ilpkit.httpsig.errors import (
    DigestMismatch,
    InvalidStructuredField,
    SignatureRefused,
    UnsupportedDigest,
)

from tests.support.vectors import load_json

_BODY = b'{"hello": "world"}\n'
_SHA256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_rfc_9421_example() -> None:
    request = load_json("rfc9421", "b26-ed25519.json")["request"]
    assert make_content_digest(request["body"].encode()) == request["headers"]["content-digest"]
    verify_content_digest(request["headers"]["content-digest"], request["body"].encode())


def test_rfc_9530_sha_256_example() -> None:
    verify_content_digest(_SHA256, _BODY)


@given(st.binary(max_size=200))
def test_own_digest_verifies(body: bytes) -> None:
    verify_content_digest(make_content_digest(body), body)


def test_whitespace_in_the_body_counts() -> None:
    with pytest.raises(DigestMismatch) as caught:
        verify_content_digest(make_content_digest(b'{"a":1}'), b'{"a": 1}')
    assert "sha-512 of the 8 body bytes" in caught.value.expected


def test_every_known_digest_must_match() -> None:
    wrong = make_content_digest(b"other")
    with pytest.raises(DigestMismatch):
        verify_content_digest(f"{_SHA256}, {wrong}", _BODY)
    verify_content_digest(f"{_SHA256}, {make_content_digest(_BODY)}, md5=:AAAA:", _BODY)


@pytest.mark.parametrize("value", ["md5=:AAAA:", "", "adler=1"])
def test_unknown_algorithms_alone_are_refused(value: str) -> None:
    with pytest.raises(UnsupportedDigest, match="sha-512 or sha-256"):
        verify_content_digest(value, _BODY)


@pytest.mark.parametrize("value", ["sha-512", "sha-512=abc", "sha-512=(:AAAA:)", "sha-512=:A"])
def test_a_digest_that_is_not_bytes_is_refused(value: str) -> None:
    with pytest.raises(InvalidStructuredField):
        verify_content_digest(value, _BODY)


@given(st.text(), st.binary())
def test_any_value_is_verified_or_refused(value: str, body: bytes) -> None:
    with pytest.raises(SignatureRefused):
        verify_content_digest(value, body)
