"""What can be wrong with assets."""

from uuid import UUID

from servicekit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound


def unknown_asset(asset_id: UUID | str) -> NotFound:
    """No such asset for this tenant."""
    return NotFound(
        "UNKNOWN_ASSET", f"there is no asset {asset_id}", metadata={"id": str(asset_id)}
    )


def duplicate_asset(code: str, scale: int) -> AlreadyExists:
    """The tenant has this asset."""
    return AlreadyExists("DUPLICATE_ASSET", f"there is an asset {code} of scale {scale} already")


def invalid_code() -> InvalidArgument:
    """The code is empty or too long."""
    return InvalidArgument("INVALID_FIELD", "code has 1 to 255 bytes", field="code")


def invalid_scale() -> InvalidArgument:
    """The scale is out of range."""
    return InvalidArgument("INVALID_FIELD", "scale lies between 0 and 255", field="scale")


def asset_in_use(asset_id: UUID) -> FailedPrecondition:
    """Peers or wallet addresses use it."""
    return FailedPrecondition(
        "WRONG_STATE",
        "the asset has peers or wallet addresses; delete or move these first",
        metadata={"state": "IN_USE", "id": str(asset_id)},
    )


def asset_holds_money(asset_id: UUID, *, balance: int) -> FailedPrecondition:
    """Accounts in it are not empty, or money is on its way."""
    return FailedPrecondition(
        "HOLDS_MONEY",
        f"accounts in the asset hold {balance} or await pending transfers; withdraw all of it, "
        "from deleted peers too, then delete the asset",
        metadata={"id": str(asset_id), "balance": str(balance)},
    )
