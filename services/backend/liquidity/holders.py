"""What has an account here, and how it is missed."""

from typing import Final
from uuid import UUID

from servicekit.errors import NotFound

from services.backend.assets.errors import unknown_asset
from services.backend.incoming_payments.errors import unknown_payment
from services.backend.liquidity.model import Holder
from services.backend.peers.errors import unknown_peer
from services.backend.wallet_addresses.errors import unknown_wallet_address

_UNKNOWN: Final = {
    Holder.ASSET: unknown_asset,
    Holder.PEER: unknown_peer,
    Holder.WALLET_ADDRESS: unknown_wallet_address,
    Holder.INCOMING_PAYMENT: unknown_payment,
    Holder.OUTGOING_PAYMENT: unknown_payment,
}


def unknown_holder(holder: Holder, account_id: UUID | str) -> NotFound:
    """There is no such thing, or it is another tenant's."""
    return _UNKNOWN[holder](account_id)
