"""What is kept with a wallet address, and which keys it may have."""

from collections.abc import Sequence
from typing import Final

from ilpkit.httpsig.errors import InvalidKey
from ilpkit.httpsig.keys import parse_public_jwk
from servicekit.errors import InvalidArgument

from services.backend.wallet_addresses.model import AdditionalProperty

KID_CHARS_MAX: Final = 255


def clean_properties(properties: Sequence[AdditionalProperty]) -> tuple[AdditionalProperty, ...]:
    """Trimmed, without blanks."""
    trimmed = (
        AdditionalProperty(key=p.key.strip(), value=p.value.strip(), visible=p.visible)
        for p in properties
    )
    return tuple(p for p in trimmed if p.key and p.value)


def check_public_key(kid: str, x: str) -> None:
    """Refuse what is no Ed25519 public key."""
    if not 1 <= len(kid) <= KID_CHARS_MAX:
        raise InvalidArgument(
            "INVALID_FIELD", f"kid has 1 to {KID_CHARS_MAX} characters", field="kid"
        )
    try:
        parse_public_jwk({"kid": kid, "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": x})
    except InvalidKey as refused:
        raise InvalidArgument("INVALID_FIELD", str(refused), field="x") from None
