"""Key documents: what is a usable Ed25519 key, and what is not."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.httpsig.errors import InvalidKey, InvalidPrivateKey, KeyNotFound, SignatureRefused
from ilpkit.httpsig.keys import (
    _PRIME,
    _SMALL_ORDER,
    KEYS_MAX,
    find_key,
    parse_public_jwk,
    private_key_from_jwk,
    private_key_from_pem,
    private_key_from_seed,
    public_jwk,
)

from tests.support.vectors import load_json

_JWK = {
    "alg": "EdDSA",
    "kid": "key-1",
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
_OTHER_X = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"


def test_seed_and_public_jwk_belong_together() -> None:
    key = private_key_from_seed(_SEED)
    assert public_jwk(key, kid="key-1") == _JWK
    assert public_jwk(key.public_key(), kid="key-1") == _JWK
    public = parse_public_jwk({**_JWK, "use": "sig"})
    assert public.kid == "key-1"
    assert public.verifies(signature=key.sign(b"m"), message=b"m")
    assert not public.verifies(signature=key.sign(b"m"), message=b"n")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kid": ""}, "kid"),
        ({"kid": 1}, "kid"),
        ({"alg": "RS256"}, "alg"),
        ({"kty": "EC"}, "kty"),
        ({"crv": "X25519"}, "crv"),
        ({"use": "enc"}, "use"),
        ({"d": "secret"}, "d"),
        ({"x": None}, "x"),
        ({"x": ""}, "x"),
        ({"x": "AAAA"}, "x"),
        ({"x": "A"}, "x"),
        ({"x": _JWK["x"] + "="}, "x"),
        ({"x": _JWK["x"][:-1] + "p"}, "x"),
        ({"x": _JWK["x"].replace("_", "/")}, "x"),
        ({"x": "A" * 43}, "x"),
        ({"x": "AQ" + "A" * 41}, "x"),
    ],
)
def test_a_malformed_key_is_refused_by_member(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        parse_public_jwk({**_JWK, **change})
    assert caught.value.field == field
    assert "secret" not in str(caught.value)


def test_the_small_order_list_is_the_curves_torsion() -> None:
    """Each listed y is a coordinate of a point that eight additions bring to the identity."""
    d = -121665 * pow(121666, -1, _PRIME) % _PRIME
    root = pow(2, (_PRIME - 1) // 4, _PRIME)
    for encoded in _SMALL_ORDER:
        y = int.from_bytes(encoded, "little") % _PRIME
        x_squared = (y * y - 1) * pow(d * y * y + 1, -1, _PRIME) % _PRIME
        x = pow(x_squared, (_PRIME + 3) // 8, _PRIME)
        if x * x % _PRIME != x_squared:
            x = x * root % _PRIME
        assert x * x % _PRIME == x_squared
        for _ in range(3):
            both = d * x * x * y * y % _PRIME
            x, y = (
                2 * x * y * pow(1 + both, -1, _PRIME) % _PRIME,
                (y * y + x * x) * pow(1 - both, -1, _PRIME) % _PRIME,
            )
        assert (x, y) == (0, 1)
    assert len(_SMALL_ORDER) == 7


def test_a_key_is_found_beside_keys_of_other_kinds() -> None:
    document = {"keys": [{"kid": "rsa", "kty": "RSA"}, "noise", _JWK]}
    assert find_key(document, kid="key-1").kid == "key-1"
    assert find_key({"keys": [_JWK, _JWK]}, kid="key-1").kid == "key-1"
    foreign = {"kid": "key-1", "kty": "EC", "crv": "P-256", "x": _OTHER_X, "y": _OTHER_X}
    for keys in ([foreign, _JWK], [_JWK, foreign]):
        assert find_key({"keys": keys}, kid="key-1").kid == "key-1"
    with pytest.raises(InvalidKey):
        find_key({"keys": [foreign]}, kid="key-1")


def test_a_missing_key_is_told() -> None:
    with pytest.raises(KeyNotFound, match="one of the 1 published keys"):
        find_key({"keys": [_JWK]}, kid="key-2")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": {}},
        {"keys": [_JWK] * (KEYS_MAX + 1)},
        {"keys": [_JWK, {**_JWK, "x": _OTHER_X}]},
    ],
)
def test_a_malformed_key_set_is_refused(document: object) -> None:
    with pytest.raises(InvalidKey):
        find_key(document, kid="key-1")


def test_pem_keys() -> None:
    key = private_key_from_seed(_SEED)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert private_key_from_pem(pem).private_bytes_raw() == _SEED
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for wrong in (b"", encrypted, other):
        with pytest.raises(InvalidPrivateKey):
            private_key_from_pem(wrong)


def test_private_jwks() -> None:
    jwk = load_json("rfc9421", "test-key-ed25519.jwk.json")
    assert public_jwk(private_key_from_jwk(jwk), kid="k")["x"] == jwk["x"]
    for wrong in ({"kty": "EC"}, {"crv": "X"}, {"d": None}, {"d": "AAAA"}, {"x": _JWK["x"]}):
        with pytest.raises(InvalidPrivateKey) as caught:
            private_key_from_jwk({**jwk, **wrong})
        assert jwk["d"] not in str(caught.value)


def test_wycheproof_signatures_and_keys() -> None:
    checked = 0
    for group in load_json("wycheproof", "ed25519_test.json")["testGroups"]:
        jwk = {**group["publicKeyJwk"], "kid": "k", "alg": "EdDSA"}
        public = parse_public_jwk({name: jwk[name] for name in _JWK})
        for case in group["tests"]:
            verified = public.verifies(
                signature=bytes.fromhex(case["sig"]), message=bytes.fromhex(case["msg"])
            )
            assert verified is (case["result"] == "valid"), case["tcId"]
            checked += 1
    assert checked == 151


_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*_JWK, "d", "keys"]), inner),
)


@given(_JSON)
def test_any_document_is_a_key_set_or_refused(document: object) -> None:
    with pytest.raises(SignatureRefused):
        find_key(json.loads(json.dumps(document)), kid="key-1")


@given(st.dictionaries(st.sampled_from(list(_JWK)), st.text() | st.integers()))
def test_any_change_to_a_key_is_parsed_or_refused(change: dict[str, object]) -> None:
    if all(_JWK[name] == value for name, value in change.items() if name != "kid"):
        return
    with pytest.raises(InvalidKey) as caught:
        parse_public_jwk({**_JWK, **change})
    assert caught.value.field in _JWK
