"""What can be wrong with wallet addresses."""

from typing import Final
from uuid import UUID

from servicekit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound

QUOTED_CHARS_MAX: Final = 256


def _quoted(text: str) -> str:
    """A caller's text as an error may repeat it: short, and without what is no text."""
    return text[:QUOTED_CHARS_MAX].encode(errors="replace").decode().replace("\0", "?")


def unknown_wallet_address(which: UUID | str) -> NotFound:
    """No such wallet address, or not of this tenant."""
    which = _quoted(str(which))
    return NotFound(
        "UNKNOWN_WALLET_ADDRESS",
        f"there is no wallet address {which}",
        metadata={"wallet_address": which},
    )


def inactive_wallet_address(address: str) -> FailedPrecondition:
    """It is deactivated."""
    return FailedPrecondition(
        "INACTIVE_WALLET_ADDRESS",
        f"the wallet address {address} is deactivated",
        metadata={"wallet_address": address},
    )


def duplicate_wallet_address(address: str) -> AlreadyExists:
    """The URL is taken."""
    return AlreadyExists(
        "DUPLICATE_WALLET_ADDRESS",
        f"there is a wallet address {address} already",
        metadata={"wallet_address": address},
    )


def wallet_address_of_another(address: str) -> AlreadyExists:
    """The URL lies below the URL of another tenant."""
    return AlreadyExists(
        "DUPLICATE_WALLET_ADDRESS",
        f"{_quoted(address)} lies below the wallet address URL of another tenant",
        metadata={"wallet_address": _quoted(address)},
    )


def invalid_wallet_address(address: str, remedy: str) -> InvalidArgument:
    """The URL breaks a rule."""
    return InvalidArgument(
        "INVALID_WALLET_ADDRESS",
        f"{_quoted(address)!r} can't be a wallet address: {remedy}",
        field="address",
        metadata={"remedy": remedy},
    )


def duplicate_key(kid: str) -> AlreadyExists:
    """A live key with this kid is bound."""
    return AlreadyExists("DUPLICATE_KEY", f"a key with the kid {kid!r} is bound already")


def unknown_key(key_id: UUID | str) -> NotFound:
    """No such key."""
    return NotFound("UNKNOWN_KEY", f"there is no key {key_id}", metadata={"id": str(key_id)})
