"""Bring money to an asset or a peer, in one phase."""

from dataclasses import dataclass
from uuid import UUID

from services.backend.liquidity.holders import unknown_holder
from services.backend.liquidity.model import Holder, Kind
from services.backend.liquidity.moving import MoveMoney, Planned
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeposit:
    """How much to whom."""

    scope: Scope
    holder: Holder
    account_id: UUID
    chosen_id: UUID
    amount: int
    """In the asset's units."""


class Deposit(MoveMoney[NewDeposit]):
    """Raises NotFound, InvalidArgument, and AlreadyExists when the id was used before."""

    async def read(self, given: NewDeposit) -> Planned:
        """The deposit as a transfer; nothing is brought to what is deleted."""
        account = await self._account(given.scope, given.holder, given.account_id)
        if account.deleted:
            raise unknown_holder(given.holder, given.account_id)
        return await self._chosen(
            given.scope,
            Kind.DEPOSIT,
            account,
            chosen_id=given.chosen_id,
            amount=given.amount,
        )
