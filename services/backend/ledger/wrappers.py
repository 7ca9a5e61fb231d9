"""Wrappers of the ledger's roles: the same interface, with one thing added."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from services.backend.ledger.errors import LedgerOverloadedError
from services.backend.ledger.interface import Chain, LedgerEngine, LedgerReader
from services.backend.ledger.model import (
    Account,
    AccountResult,
    ChainResult,
    HistoryPage,
    NewAccount,
    TransferRecord,
)

T = TypeVar("T")


class LedgerObserver(Protocol):
    """Where an observed engine reports to; must not raise."""

    def applied(self, *, chains: int, refused: int, transfers: int, seconds: float) -> None:
        """One batch went through, with so many chains refused."""
        ...

    def failed(self, *, operation: str, error: BaseException, seconds: float) -> None:
        """A call of the engine raised."""
        ...


class ObservedEngine:
    """A `LedgerEngine` that reports batches and failures."""

    def __init__(
        self,
        engine: LedgerEngine,
        observer: LedgerObserver,
        *,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._engine = engine
        self._observer = observer
        self._monotonic = monotonic

    @property
    def batch_transfers_max(self) -> int:
        """How many transfers one `apply` may hold."""
        return self._engine.batch_transfers_max

    async def apply(self, chains: Sequence[Chain]) -> list[ChainResult]:
        """Apply a batch and report it."""
        start = self._monotonic()
        results = await self._watched("apply", self._engine.apply(chains))
        self._observer.applied(
            chains=len(chains),
            refused=sum(not result.ok for result in results),
            transfers=sum(len(chain) for chain in chains),
            seconds=self._monotonic() - start,
        )
        return results

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> list[AccountResult]:
        """Create each account that isn't there."""
        return await self._watched("create_accounts", self._engine.create_accounts(accounts))

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id."""
        return await self._watched("lookup_accounts", self._engine.lookup_accounts(account_ids))

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id."""
        return await self._watched("lookup_transfers", self._engine.lookup_transfers(transfer_ids))

    async def history(
        self,
        account_id: int,
        *,
        cursor: int | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> HistoryPage:
        """Return a page of the account's transfers."""
        page = self._engine.history(
            account_id, cursor=cursor, limit=limit, newest_first=newest_first
        )
        return await self._watched("history", page)

    async def reservations(self, code: int, *, after: int, until: int, limit: int) -> HistoryPage:
        """Return a page of reservations."""
        page = self._engine.reservations(code, after=after, until=until, limit=limit)
        return await self._watched("reservations", page)

    async def close(self) -> None:
        """Release the engine."""
        await self._engine.close()

    async def _watched(self, operation: str, call: Awaitable[T]) -> T:
        start = self._monotonic()
        try:
            return await call
        except BaseException as error:
            seconds = self._monotonic() - start
            self._observer.failed(operation=operation, error=error, seconds=seconds)
            raise


class BoundedReader:
    """A `LedgerReader` with a limit on calls in flight: more are refused, typed, at once."""

    def __init__(self, reader: LedgerReader, *, calls_max: int) -> None:
        self._reader = reader
        self._calls_max = calls_max
        self._calls = 0

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id."""
        return await self._bounded(lambda: self._reader.lookup_accounts(account_ids))

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id."""
        return await self._bounded(lambda: self._reader.lookup_transfers(transfer_ids))

    async def history(
        self,
        account_id: int,
        *,
        cursor: int | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> HistoryPage:
        """Return a page of the account's transfers."""
        return await self._bounded(
            lambda: self._reader.history(
                account_id, cursor=cursor, limit=limit, newest_first=newest_first
            )
        )

    async def _bounded(self, call: Callable[[], Awaitable[T]]) -> T:
        if self._calls >= self._calls_max:
            raise LedgerOverloadedError(
                queued=self._calls, queued_max=self._calls_max, what="lookups"
            )
        self._calls += 1
        try:
            return await call()
        finally:
            self._calls -= 1
