"""Take money from an asset, a peer or a wallet address, in one phase or two."""

from dataclasses import dataclass
from uuid import UUID

from services.backend.liquidity.model import Holder, Kind
from services.backend.liquidity.moving import MoveMoney, Planned
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWithdrawal:
    """How much from whom."""

    scope: Scope
    holder: Holder
    account_id: UUID
    chosen_id: UUID
    amount: int | None
    """In the asset's units; None takes all that is there."""
    timeout_s: int
    """0 takes it at once."""


class Withdraw(MoveMoney[NewWithdrawal]):
    """Raises NotFound, InvalidArgument, and AlreadyExists when the id was used before."""

    async def read(self, given: NewWithdrawal) -> Planned:
        """The withdrawal as a transfer.

        Also from what is deleted: money that was on its way then can still be taken out.
        """
        account = await self._account(given.scope, given.holder, given.account_id)
        return await self._chosen(
            given.scope,
            Kind.WITHDRAWAL,
            account,
            chosen_id=given.chosen_id,
            amount=given.amount,
            timeout_s=given.timeout_s,
        )
