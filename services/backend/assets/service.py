"""Use cases of assets."""

from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from ilpkit.money import ASSET_CODE_BYTES_MAX, ASSET_SCALE_MAX
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.errors import InvalidArgument
from servicekit.ids import IdSource

from services.backend.assets import repository
from services.backend.assets.errors import (
    asset_holds_money,
    asset_in_use,
    invalid_code,
    invalid_scale,
    unknown_asset,
)
from services.backend.assets.model import BASIS_POINTS_MAX, Asset, Fee, FeeType
from services.backend.directory.worker import announce_change
from services.backend.ledger.chart import (
    ASSET_LEDGER_MAX,
    balance,
    is_settled,
    new_asset_accounts,
    settlement_account_id,
)
from services.backend.ledger.interface import LedgerAccounts, LedgerReader
from services.backend.paging import Page, PageQuery
from services.backend.scope import Scope

LEDGER_NUMBER_MAX: Final = ASSET_LEDGER_MAX


class AssetLedger(LedgerReader, LedgerAccounts, Protocol):
    """What assets need of the ledger."""


class AssetService:
    """Creates, reads and changes assets."""

    def __init__(
        self, *, database: Database, ledger: AssetLedger, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def create(
        self,
        session: WriteSession,
        scope: Scope,
        *,
        code: str,
        scale: int,
        withdrawal_threshold: int | None,
        liquidity_threshold: int | None,
    ) -> Asset:
        """Insert an asset; `open_accounts` must follow the commit."""
        if not 1 <= len(code.encode()) <= ASSET_CODE_BYTES_MAX:
            raise invalid_code()
        if not 0 <= scale <= ASSET_SCALE_MAX:
            raise invalid_scale()
        asset = Asset(
            id=self._ids.uuid(),
            tenant_id=scope.owner,
            code=code,
            scale=scale,
            ledger=await repository.next_ledger_number(session),
            withdrawal_threshold=withdrawal_threshold,
            liquidity_threshold=liquidity_threshold,
            created_at=self._clock.now(),
        )
        await repository.add(session, asset)
        await announce_change(session)
        return asset

    async def open_accounts(self, asset_id: UUID, ledger: int) -> None:
        """Create an asset's ledger accounts; a repeat is a no-op."""
        await self._ledger.create_accounts(new_asset_accounts(asset_id=asset_id.int, ledger=ledger))

    async def get(self, scope: Scope, asset_id: UUID) -> Asset:
        """One asset; raises NotFound."""
        async with self._database.read() as session:
            asset = await repository.get(session, asset_id, scope.filter)
        if asset is None:
            raise unknown_asset(asset_id)
        return asset

    async def find(self, scope: Scope, code: str, scale: int) -> Asset:
        """One asset by code and scale; raises NotFound."""
        async with self._database.read() as session:
            asset = await repository.find(session, scope.owner, code, scale)
        if asset is None:
            raise unknown_asset(f"{code} of scale {scale}")
        return asset

    async def page(self, scope: Scope, query: PageQuery) -> Page[Asset]:
        """A page of assets, newest first."""
        async with self._database.read() as session:
            return await repository.page(session, scope.filter, query)

    async def set_thresholds(
        self,
        session: WriteSession,
        scope: Scope,
        asset_id: UUID,
        *,
        withdrawal: int | None,
        liquidity: int | None,
    ) -> Asset:
        """Replace both thresholds; None clears one."""
        asset = await self._require(session, scope, asset_id)
        await repository.set_thresholds(session, asset_id, withdrawal, liquidity)
        await announce_change(session)
        return replace(asset, withdrawal_threshold=withdrawal, liquidity_threshold=liquidity)

    async def check_empty(self, scope: Scope, asset_id: UUID) -> None:
        """Raise FailedPrecondition while any account in the asset holds money.

        All money in an asset came from its settlement account, so that this one account tells.
        A deposit that is under way at this moment may still land: what is deleted can be withdrawn
        from, so that it is not lost.
        """
        settlement_id = settlement_account_id((await self.get(scope, asset_id)).ledger)
        account = (await self._ledger.lookup_accounts([settlement_id])).get(settlement_id)
        if account is not None and not is_settled(account):
            raise asset_holds_money(asset_id, balance=balance(account))

    async def delete(self, session: WriteSession, scope: Scope, asset_id: UUID) -> Asset:
        """Delete an asset that nothing uses; `check_empty` comes before the transaction."""
        await repository.lock(session, asset_id)
        asset = await self._require(session, scope, asset_id)
        if await repository.in_use(session, asset_id):
            raise asset_in_use(asset_id)
        await repository.delete(session, asset_id, self._clock.now())
        await announce_change(session)
        return asset

    async def set_fee(
        self,
        session: WriteSession,
        scope: Scope,
        asset_id: UUID,
        *,
        fee_type: FeeType,
        fixed: int,
        basis_points: int,
    ) -> Fee:
        """Put a fee in force; earlier ones stay in the history."""
        await self._require(session, scope, asset_id)
        if not 0 <= basis_points <= BASIS_POINTS_MAX:
            raise InvalidArgument(
                "INVALID_FIELD",
                f"basis_points lies between 0 and {BASIS_POINTS_MAX}",
                field="basis_points",
            )
        fee = Fee(
            id=self._ids.uuid(),
            asset_id=asset_id,
            type=fee_type,
            fixed=fixed,
            basis_points=basis_points,
            created_at=self._clock.now(),
        )
        await repository.add_fee(session, fee)
        return fee

    async def fee_page(self, scope: Scope, asset_id: UUID, query: PageQuery) -> Page[Fee]:
        """A page of an asset's fees, newest first."""
        await self.get(scope, asset_id)
        async with self._database.read() as session:
            return await repository.fee_page(session, asset_id, query)

    async def _require(self, session: WriteSession, scope: Scope, asset_id: UUID) -> Asset:
        asset = await repository.get(session, asset_id, scope.filter)
        if asset is None:
            raise unknown_asset(asset_id)
        return asset
