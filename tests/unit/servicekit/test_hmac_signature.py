import hashlib
import hmac
import json
from typing import Any

import pytest
from servicekit.hmac_signature import SignatureRefused, make_signature, verify_signature

_NOW = 1_900_000_000_000
_TTL = 30_000


def _verify(header: str, body: bytes, **changes: Any) -> None:
    options: dict[str, Any] = {"secret": "s3", "version": 1, "now_ms": _NOW, "ttl_ms": _TTL}
    verify_signature(header, body=body, **{**options, **changes})


def _sign(value: Any) -> str:
    return make_signature(value, secret="s3", version=1, now_ms=_NOW)


def test_signs_the_time_a_dot_and_the_canonical_json() -> None:
    digest = hmac.new(b"s3", b'1900000000000.{"a":"\xc3\xa9","b":1}', hashlib.sha256).hexdigest()
    assert _sign({"b": 1, "a": "é"}) == f"t=1900000000000, v1={digest}"


def test_verifies_whatever_the_spelling_of_the_json() -> None:
    header = _sign({"b": 1, "a": "é"})
    _verify(header, b'{ "a": "\\u00e9",\n "b": 1.0 }')
    _verify(header.replace(", ", ","), b'{"b":1,"a":"\xc3\xa9"}')
    _verify(f"v0=ff, {header}, other=1", b'{"b":1,"a":"\xc3\xa9"}')


def test_signs_integers_beyond_a_double_as_javascript_reads_them() -> None:
    _verify(_sign({"n": 10**20 + 1, "m": 1}), b'{"n":100000000000000000001,"m":1}')
    assert _sign({"n": 10**20 + 1}) == _sign({"n": 1e20})


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"secret": "other"}, b'{"a":1}'),
        ({"version": 2}, b'{"a":1}'),
        ({"now_ms": _NOW + _TTL + 1}, b'{"a":1}'),
        ({"now_ms": _NOW - 5_001}, b'{"a":1}'),
        ({}, b'{"a":2}'),
        ({}, b'{"a":1'),
        ({}, b'{"a":NaN}'),
        ({}, b'{"a":"\\ud800"}'),
        ({}, b"[" * 100_000),
        ({}, b"\xff"),
    ],
)
def test_refuses(change: dict[str, Any], body: bytes) -> None:
    with pytest.raises(SignatureRefused):
        _verify(_sign({"a": 1}), body, **change)


def test_the_bounds_of_the_time_are_inclusive() -> None:
    header = _sign({"a": 1})
    for now_ms in (_NOW + _TTL, _NOW - 5_000):
        _verify(header, b'{"a":1}', now_ms=now_ms)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=aa",
        "t=x, v1=" + "a" * 64,
        "t=٣, v1=" + "a" * 64,
        "t=1, v1=" + "é" * 64,
        "t=" + "9" * 16 + ", v1=" + "a" * 64,
        "t=1, v1=" + "a" * 2000,
    ],
)
def test_refuses_malformed_headers(header: str) -> None:
    with pytest.raises(SignatureRefused, match="malformed"):
        _verify(header, b"{}")


def test_reads_big_numbers_as_a_javascript_signer_does() -> None:
    # JSON.stringify(9007199254740993) gives 9007199254740992.
    canonical = b'1900000000000.{"a":9007199254740992,"b":1e+30}'
    digest = hmac.new(b"s3", canonical, hashlib.sha256).hexdigest()
    body = json.dumps({"a": 9007199254740993, "b": 10**30}).encode()
    _verify(f"t={_NOW}, v1={digest}", body)
