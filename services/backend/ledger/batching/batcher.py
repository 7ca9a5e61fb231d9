"""Group commit: callers hand over single chains, the engine sees batches.

One flusher an engine, and no timer: what arrives while a batch is in flight forms the next one, and
an idle ledger writes at once. Arrival order is batch order; a chain is never split and never joined
with a neighbour. A caller waits on a future of its own, so cancelling the caller cancels nothing
that was handed over.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from servicekit.clock import Clock, SystemClock
from servicekit.tracing import Tracing

from services.backend.ledger.batching.gathering import Gathering, own_error
from services.backend.ledger.errors import (
    LedgerClosedError,
    LedgerOverloadedError,
    LedgerUnavailableError,
)
from services.backend.ledger.interface import Chain, LedgerEngine
from services.backend.ledger.model import (
    LOOKUP_IDS_MAX,
    Account,
    AccountResult,
    Balances,
    ChainResult,
    HistoryPage,
    NewAccount,
    TransferRecord,
)
from services.backend.ledger.rules.validation import check_chain, check_lookup

QUEUED_TRANSFERS_MAX: Final = 50_000
SEEN_ACCOUNTS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a batch of unknown outcome is tried again under the same ids."""

    attempts_max: int = 12
    delay_s_min: float = 0.02
    delay_s_max: float = 2.0

    def delay_s(self, attempt: int) -> float:
        """Return how long to wait after the attempt of this number, counted from 1.

        Not jittered: there is one flusher a process, and its batches are not in step with others'.
        """
        return min(self.delay_s_max, self.delay_s_min * 2.0 ** (attempt - 1))


DEFAULT_RETRY_POLICY: Final = RetryPolicy()
_Waiting = tuple[Chain, Sequence[NewAccount], asyncio.Future[ChainResult]]


class BatchedLedger:
    """A `Ledger` in front of an engine."""

    def __init__(
        self,
        engine: LedgerEngine,
        *,
        queued_transfers_max: int = QUEUED_TRANSFERS_MAX,
        retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY,
        clock: Clock | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._engine = engine
        self._queued_transfers_max = queued_transfers_max
        self._retry_policy = retry_policy
        self._clock = clock or SystemClock()
        self._tracing = tracing
        self._queue: deque[_Waiting] = deque()
        self._queued_transfers = 0
        self._seen: OrderedDict[int, Balances] = OrderedDict()
        self._listeners: list[Callable[[Collection[int]], None]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._closing = False
        self._create = Gathering[NewAccount, AccountResult](
            engine.create_accounts, items_max=LOOKUP_IDS_MAX
        )
        self._accounts = Gathering(self._find_accounts, items_max=LOOKUP_IDS_MAX)
        self._transfers = Gathering(self._find_transfers, items_max=LOOKUP_IDS_MAX)

    @property
    def queued_transfers(self) -> int:
        """How many transfers wait for a batch."""
        return self._queued_transfers

    async def submit(self, chain: Chain, *, opening: Sequence[NewAccount] = ()) -> ChainResult:
        """Apply one chain; see `LedgerWriter`."""
        refusal = check_chain(chain)
        if refusal is not None:
            return refusal
        if self._closing:
            raise LedgerClosedError
        queued_transfers = self._queued_transfers + len(chain)
        if queued_transfers > self._queued_transfers_max:
            raise LedgerOverloadedError(
                queued=self._queued_transfers, queued_max=self._queued_transfers_max
            )
        self._queued_transfers = queued_transfers
        future: asyncio.Future[ChainResult] = asyncio.get_running_loop().create_future()
        self._queue.append((chain, opening, future))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush(), name="ledger-flusher")
        if self._tracing is None or not self._tracing.recording:
            return await future
        with self._tracing.working("ledger chain", {"ledger.transfers": len(chain)}):
            return await future

    def last_seen(self, account_id: int) -> Balances | None:
        """How this process last left an account; see `LedgerMemory`."""
        return self._seen.get(account_id)

    def on_touched(self, listener: Callable[[Collection[int]], None]) -> None:
        """Name the accounts that each batch touched; see `LedgerMemory`."""
        self._listeners.append(listener)

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> list[AccountResult]:
        """Create each account that isn't there; see `LedgerAccounts`."""
        return list(await self._create(accounts))

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id; see `LedgerReader`."""
        check_lookup(account_ids)
        found = await self._accounts(account_ids)
        return {account.id: account for account in found if account is not None}

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id; see `LedgerReader`."""
        check_lookup(transfer_ids)
        found = await self._transfers(transfer_ids)
        return {record.id: record for record in found if record is not None}

    async def history(
        self,
        account_id: int,
        *,
        cursor: int | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> HistoryPage:
        """Return a page of an account's transfers; see `LedgerReader`."""
        return await self._engine.history(
            account_id, cursor=cursor, limit=limit, newest_first=newest_first
        )

    async def reservations(self, code: int, *, after: int, until: int, limit: int) -> HistoryPage:
        """Return a page of reservations; see `LedgerReservations`."""
        return await self._engine.reservations(code, after=after, until=until, limit=limit)

    async def close(self) -> None:
        """Take nothing more, write out what was taken, then release the engine."""
        self._closing = True
        if self._flusher is not None:
            await asyncio.shield(self._flusher)
        for gathering in (self._create, self._accounts, self._transfers):
            await gathering.drain()
        await self._engine.close()

    async def _find_accounts(self, account_ids: Sequence[int]) -> list[Account | None]:
        found = await self._engine.lookup_accounts(account_ids)
        return [found.get(account_id) for account_id in account_ids]

    async def _find_transfers(self, transfer_ids: Sequence[int]) -> list[TransferRecord | None]:
        found = await self._engine.lookup_transfers(transfer_ids)
        return [found.get(transfer_id) for transfer_id in transfer_ids]

    async def _flush(self) -> None:
        try:
            while self._queue:
                # One turn of the loop lets those whom the last batch woke join the next.
                await asyncio.sleep(0)
                batch = self._take()
                try:
                    results = await self._apply(batch)
                    self._remember(results[0].balances)
                    _answer(batch, results)
                    self._tell(batch, results[0].balances)
                except Exception as error:  # noqa: BLE001 - whatever it is, each caller hears of it
                    _fail(batch, error)
        finally:
            self._flusher = None

    def _remember(self, balances: Mapping[int, Balances] | None) -> None:
        """Keep what a batch said of its accounts; all of its results say the same."""
        if balances is None:
            return
        self._seen.update(balances)
        for account_id in balances:
            self._seen.move_to_end(account_id)
        while len(self._seen) > SEEN_ACCOUNTS_MAX:
            self._seen.popitem(last=False)

    def _tell(self, batch: Sequence[_Waiting], balances: Mapping[int, Balances] | None) -> None:
        """Name the accounts of a batch, as the engine does or as its transfers do."""
        if not self._listeners:
            return
        touched: Collection[int] = balances.keys() if balances is not None else _accounts(batch)
        for listener in self._listeners:
            listener(touched)

    def _take(self) -> list[_Waiting]:
        """Take what fits into one batch, in order of arrival."""
        room = self._engine.batch_transfers_max
        batch: list[_Waiting] = []
        queue = self._queue
        while queue and ((size := len(queue[0][0])) <= room or not batch):
            room -= size
            batch.append(queue.popleft())
            self._queued_transfers -= size
        return batch

    async def _apply(self, batch: Sequence[_Waiting]) -> list[ChainResult]:
        """Apply a batch, again under the same ids as long as its outcome is unknown."""
        chains = [chain for chain, _, _ in batch]
        opening = [account for _, accounts, _ in batch for account in accounts]
        attempt = 1
        while True:
            try:
                return await self._engine.apply(chains, opening=opening)
            except LedgerUnavailableError:
                if attempt >= self._retry_policy.attempts_max:
                    raise
            await self._clock.sleep(self._retry_policy.delay_s(attempt))
            attempt += 1


def _accounts(batch: Sequence[_Waiting]) -> set[int]:
    return {
        account_id
        for chain, _, _ in batch
        for transfer in chain
        for account_id in (transfer.debit_account_id, transfer.credit_account_id)
    }


def _answer(batch: Sequence[_Waiting], results: Sequence[ChainResult]) -> None:
    for (_, _, future), result in zip(batch, results, strict=True):
        if not future.done():  # a caller that went away
            future.set_result(result)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for _, _, future in batch:
        if not future.done():
            future.set_exception(own_error(error))
