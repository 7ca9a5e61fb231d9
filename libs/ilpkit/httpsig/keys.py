"""Ed25519 keys: JWK and JWKS as Open Payments shapes them, private keys in the forms in use.

Open Payments wallet address API: kid, alg=EdDSA, kty=OKP, crv=Ed25519 and x are required. Stricter
here: x is canonical base64url of 32 bytes and no point of small order, for which anyone can sign; a
key that carries its private half is refused, because it is compromised.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ilpkit.httpsig.errors import InvalidKey, InvalidPrivateKey, KeyNotFound

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEYS_MAX = 256
"""A longer key set is refused: no wallet address needs it, and every request may search it."""

_BASE64URL = re.compile(r"[A-Za-z0-9_\-]+")
_FIXED_MEMBERS: Mapping[str, str] = MappingProxyType(
    {"alg": "EdDSA", "kty": "OKP", "crv": "Ed25519"}
)
_SIGN_BIT = 0x80
_PRIME = 2**255 - 19
_ORDER_EIGHT_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = (0, 1, _PRIME - 1, _PRIME, _PRIME + 1, _ORDER_EIGHT_Y, _PRIME - _ORDER_EIGHT_Y)
_SMALL_ORDER = frozenset(y.to_bytes(KEY_BYTES, "little") for y in _SMALL_ORDER_Y)
"""The y coordinates of the curve's points of order 1, 2, 4 and 8, unreduced encodings included."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key with the `kid` it was published under."""

    kid: str
    key: Ed25519PublicKey

    def verifies(self, *, signature: bytes, message: bytes) -> bool:
        """Whether this key signed the message (RFC 8032 section 5.1.7)."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def parse_public_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """A usable key out of a decoded JWK. Raises InvalidKey naming the member at fault."""
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not kid:
        raise InvalidKey(field="kid", expected="a text that is not empty")
    for name, wanted in _FIXED_MEMBERS.items():
        if jwk.get(name) != wanted:
            raise InvalidKey(field=name, expected=f'"{wanted}" in key "{kid}"')
    if jwk.get("use", "sig") != "sig":
        raise InvalidKey(field="use", expected=f'"sig" or nothing in key "{kid}"')
    if "d" in jwk:
        raise InvalidKey(field="d", expected=f'no private half in key "{kid}"; replace that key')
    raw = _decode_base64url(jwk.get("x"))
    if raw is None or len(raw) != KEY_BYTES:
        raise InvalidKey(field="x", expected=f'base64url of {KEY_BYTES} bytes in key "{kid}"')
    if _unsigned(raw) in _SMALL_ORDER:
        raise InvalidKey(field="x", expected=f'a point of large order in key "{kid}"')
    return PublicKey(kid=kid, key=Ed25519PublicKey.from_public_bytes(raw))


def find_key(jwks: object, *, kid: str) -> PublicKey:
    """The key named `kid` in a decoded JWKS document.

    Keys of other kinds beside it are passed over (RFC 7517 section 5). Raises KeyNotFound, or
    InvalidKey if the document or the named key is malformed, or if two Ed25519 keys share the
    name.
    """
    entries = cast("Mapping[str, object]", jwks).get("keys") if isinstance(jwks, dict) else None
    if not isinstance(entries, list):
        raise InvalidKey(field="keys", expected='an object with a list under "keys"')
    listed = cast("list[object]", entries)
    if len(listed) > KEYS_MAX:
        raise InvalidKey(field="keys", expected=f"at most {KEYS_MAX} keys")
    named = [
        cast("Mapping[str, object]", entry)
        for entry in listed
        if isinstance(entry, dict) and cast("Mapping[str, object]", entry).get("kid") == kid
    ]
    if not named:
        raise KeyNotFound(field="keyid", expected=f"one of the {len(listed)} published keys")
    # Two keys of different kinds may share a name (RFC 7517 section 4.5): it is ours that is meant.
    ours = [entry for entry in named if _is_of_our_kind(entry)] or named
    if any(entry.get("x") != ours[0].get("x") for entry in ours):
        raise InvalidKey(field="kid", expected="one key a name in the key set")
    return parse_public_jwk(ours[0])


def _is_of_our_kind(jwk: Mapping[str, object]) -> bool:
    return jwk.get("kty") == _FIXED_MEMBERS["kty"] and jwk.get("crv") == _FIXED_MEMBERS["crv"]


def private_key_from_seed(seed: bytes) -> Ed25519PrivateKey:
    """A private key from its 32 byte seed (RFC 8032 section 5.1.5). Raises InvalidPrivateKey."""
    if len(seed) != KEY_BYTES:
        raise InvalidPrivateKey(f"an Ed25519 seed has {KEY_BYTES} bytes")
    return Ed25519PrivateKey.from_private_bytes(seed)


def private_key_from_pem(pem: bytes) -> Ed25519PrivateKey:
    """An unencrypted PKCS#8 PEM key (RFC 8410). Raises InvalidPrivateKey."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidPrivateKey("the private key is not an unencrypted PEM key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidPrivateKey("the private key is not an Ed25519 key")
    return key


def private_key_from_jwk(jwk: Mapping[str, object]) -> Ed25519PrivateKey:
    """A private JWK (RFC 8037 section 2). Raises InvalidPrivateKey, also if x is not d's own."""
    seed = _decode_base64url(jwk.get("d"))
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or seed is None:
        raise InvalidPrivateKey("the private JWK is not an Ed25519 key with a base64url d")
    key = private_key_from_seed(seed)
    if jwk.get("x") != _encode_base64url(key.public_key().public_bytes_raw()):
        raise InvalidPrivateKey("the public half x of the private JWK does not belong to its d")
    return key


def public_jwk(key: Ed25519PrivateKey | Ed25519PublicKey, *, kid: str) -> dict[str, str]:
    """The public JWK to publish for a key."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return {"kid": kid, "x": _encode_base64url(public.public_bytes_raw()), **_FIXED_MEMBERS}


def _decode_base64url(value: object) -> bytes | None:
    """Unpadded base64url in its one canonical form, or None."""
    if not isinstance(value, str) or _BASE64URL.fullmatch(value) is None:
        return None
    try:
        raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        return None
    return raw if _encode_base64url(raw) == value else None


def _encode_base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unsigned(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] & ~_SIGN_BIT])
