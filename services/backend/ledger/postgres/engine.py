"""The ledger in Postgres, the embedded default.

A batch of which nothing is refused is one statement, whose function in the database locks the
accounts in id order, goes through the transfers, and writes. A larger one, and one in which there
is something to refuse, to repeat or to release, is a transaction: lock, read what the batch names,
evaluate it with the same pure code as the memory engine, write the changes, commit. Balances are
kept with the account, so that nothing ever sums a history. Several processes may run on one
database: whoever touches an account holds its row lock until commit.

One connection writes. A second one was measured to be slower; the batcher never has two batches in
flight. Reads, account creation and sweeps use a small pool.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from servicekit.clock import Clock

from services.backend.ledger.errors import AccountStatus, LedgerUnavailableError
from services.backend.ledger.interface import Chain
from services.backend.ledger.model import (
    NANOSECONDS_PER_MILLISECOND,
    Account,
    AccountFlags,
    AccountResult,
    ChainResult,
    HistoryPage,
    NewAccount,
    TransferRecord,
)
from services.backend.ledger.postgres.codec import (
    StaleReadError,
    changed,
    decode_account,
    decode_applied,
    decode_batch,
    decode_record,
    encode_accounts,
    encode_batch,
    encode_ids,
    encode_names,
    encode_transfers,
)
from services.backend.ledger.postgres.connection import (
    CONFLICTS,
    Connection,
    connect,
    create_pool,
    translated,
)
from services.backend.ledger.postgres.sql import (
    APPLY_BATCH,
    CREATE_ACCOUNTS,
    HISTORY_NEWEST_FIRST,
    HISTORY_OLDEST_FIRST,
    IS_ANY_DUE,
    LOAD_BATCH,
    LOOKUP_ACCOUNTS,
    LOOKUP_TRANSFERS,
    RESERVATIONS,
    STORE_BATCH,
)
from services.backend.ledger.rules.evaluate import evaluate, release_expired, with_balances
from services.backend.ledger.rules.validation import check_account, check_history, check_lookup

BATCH_TRANSFERS_MAX: Final = 2_000
APPLIED_AT_ONCE_MAX: Final = 256
"""Transfers that one statement applies: it looks for their accounts one by one."""
READ_CONNECTIONS_MAX: Final = 4
CONFLICT_ATTEMPTS_MAX: Final = 10
DUE_TRANSFERS_MAX: Final = 1_000
_TIMESTAMP_END: Final = 2**63 - 1


class PostgresLedger:
    """A `LedgerEngine` on Postgres. `clock` replaces the database's time, for tests."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        batch_transfers_max: int = BATCH_TRANSFERS_MAX,
        read_connections_max: int = READ_CONNECTIONS_MAX,
        connect: Callable[[str], Awaitable[Connection]] = connect,
    ) -> None:
        self._url = url
        self._clock = clock
        self._batch_transfers_max = batch_transfers_max
        self._read_connections_max = read_connections_max
        self._connect = connect
        self._writer: Connection | None = None
        self._pool: Any = None

    @property
    def batch_transfers_max(self) -> int:
        """How many transfers one `apply` may hold."""
        return self._batch_transfers_max

    async def open(self) -> None:
        """Connect, so that a wrong URL or a missing schema shows at start and not at a payment."""
        await self.lookup_accounts([1])

    async def apply(
        self, chains: Sequence[Chain], *, opening: Sequence[NewAccount] = ()
    ) -> list[ChainResult]:
        """Apply the chains in one transaction; see `LedgerEngine`."""
        writer = self._writer
        if writer is None or writer.is_closed():
            writer = self._writer = await self._connect(self._url)
        try:
            return await self._run(writer, chains, opening)
        except BaseException:
            # Whatever state it is in, the next batch starts on a fresh one.
            self._writer = None
            writer.terminate()
            raise

    async def sweep(self) -> None:
        """Release the pending transfers that are due; for a ledger that nobody writes to."""
        pool = await self._readers()
        with translated():
            async with pool.acquire() as connection:
                if await connection.fetchval(IS_ANY_DUE, self._now_ns()):
                    await self._run(connection, [], ())

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> list[AccountResult]:
        """Create each account that isn't there."""
        refusals = [check_account(account) for account in accounts]
        wanted = {
            account.id: account
            for account, refusal in reversed([*zip(accounts, refusals, strict=True)])
            if refusal is None
        }
        created: set[int] = set()
        known: dict[int, NewAccount] = {}
        if wanted:
            pool = await self._readers()
            with translated():
                rows = await pool.fetch(
                    CREATE_ACCOUNTS, *encode_accounts(wanted.values()), self._now_ns()
                )
                created = {row[0] for row in rows}
                known = {account_id: wanted[account_id] for account_id in created}
                if there := wanted.keys() - created:
                    rows = await pool.fetch(LOOKUP_ACCOUNTS, encode_ids(there), self._now_ns())
                    known |= {key: NewAccount(*got[:7]) for key, got in _accounts(rows).items()}
        results = []
        for account, refusal in zip(accounts, refusals, strict=True):
            status = refusal or _account_status(account, created, known)
            results.append(AccountResult(account.id, status))
        return results

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id."""
        check_lookup(account_ids)
        pool = await self._readers()
        with translated():
            rows = await pool.fetch(LOOKUP_ACCOUNTS, encode_ids(account_ids), self._now_ns())
        if rows[0]["is_any_due"]:
            await self.sweep()
            with translated():
                rows = await pool.fetch(LOOKUP_ACCOUNTS, encode_ids(account_ids), self._now_ns())
        return _accounts(rows)

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id."""
        check_lookup(transfer_ids)
        pool = await self._readers()
        with translated():
            rows = await pool.fetch(LOOKUP_TRANSFERS, encode_ids(transfer_ids))
        return {row[0]: decode_record(row) for row in rows}

    async def history(
        self,
        account_id: int,
        *,
        cursor: int | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> HistoryPage:
        """Return a page of the account's transfers."""
        check_history(cursor=cursor, limit=limit)
        query = HISTORY_NEWEST_FIRST if newest_first else HISTORY_OLDEST_FIRST
        start = cursor if cursor is not None else _TIMESTAMP_END if newest_first else 0
        pool = await self._readers()
        with translated():
            rows = await pool.fetch(query, account_id, start, limit + 1)
        page = tuple(decode_record(row) for row in rows[:limit])
        return HistoryPage(page, page[-1].timestamp if len(rows) > limit else None)

    async def reservations(self, code: int, *, after: int, until: int, limit: int) -> HistoryPage:
        """Return a page of pending transfers, those that are resolved left out."""
        check_history(cursor=after or None, limit=limit)
        pool = await self._readers()
        with translated():
            rows = await pool.fetch(RESERVATIONS, code, after, until, limit, self._now_ns())
        page = tuple(decode_record(row) for row in rows)
        return HistoryPage(page, page[-1].timestamp if len(page) >= limit else None)

    async def close(self) -> None:
        """Release connections."""
        if self._writer is not None:
            with translated():
                await self._writer.close()
            self._writer = None
        if self._pool is not None:
            with translated():
                await self._pool.close()
            self._pool = None

    async def _readers(self) -> Any:
        if self._pool is None:
            self._pool = await create_pool(self._url, connections_max=self._read_connections_max)
        return self._pool

    def _now_ns(self) -> int | None:
        """Return the test's time, or None for the database's."""
        return None if self._clock is None else self._clock.now_ms() * NANOSECONDS_PER_MILLISECOND

    async def _run(
        self, connection: Connection, chains: Sequence[Chain], opening: Sequence[NewAccount]
    ) -> list[ChainResult]:
        """Run transactions until the batch is through."""
        with translated():
            if 0 < sum(map(len, chains)) <= APPLIED_AT_ONCE_MAX:
                results = await self._apply_at_once(connection, chains, opening)
                if results is not None:
                    return results
            if opening:
                await connection.execute(CREATE_ACCOUNTS, *encode_accounts(opening), self._now_ns())
            for _ in range(CONFLICT_ATTEMPTS_MAX):
                try:
                    results = await self._transact(connection, chains)
                    while results is None:
                        results = await self._transact(connection, chains)
                except (*CONFLICTS, StaleReadError):
                    # Another process wrote one of our ids while we did: now it can be seen.
                    await connection.execute("ROLLBACK")
                else:
                    return results
        raise LedgerUnavailableError("too many conflicts with other processes: retry")

    async def _apply_at_once(
        self, connection: Connection, chains: Sequence[Chain], opening: Sequence[NewAccount]
    ) -> list[ChainResult] | None:
        """Apply a batch in one statement; None when that applied nothing: see the migration."""
        try:
            row = await connection.fetchrow(
                APPLY_BATCH, *encode_accounts(opening), *encode_transfers(chains), self._now_ns()
            )
        except CONFLICTS:
            return None
        return None if row is None else decode_applied(row, chains)

    async def _transact(
        self, connection: Connection, chains: Sequence[Chain]
    ) -> list[ChainResult] | None:
        """Run one transaction; None when it only released expired transfers, as there are more."""
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        rows = await connection.fetch(
            LOAD_BATCH, *encode_names(chains), self._now_ns(), DUE_TRANSFERS_MAX
        )
        books, due, now_ns = decode_batch(rows)
        release_expired(books, due)
        more_due = len(due) == DUE_TRANSFERS_MAX
        results = None
        if not more_due:
            results = with_balances(books, evaluate(books, chains, now_ns))
        if changed(books):
            await connection.execute(STORE_BATCH, *encode_batch(books))
        await connection.execute("COMMIT")
        return results


def _accounts(rows: Sequence[Any]) -> dict[int, Account]:
    return {row[0]: decode_account(row) for row in rows if row[0] is not None}


def _account_status(
    account: NewAccount, created: set[int], known: Mapping[int, NewAccount]
) -> AccountStatus:
    found = known.get(account.id)
    if found is None:
        return AccountStatus.UNKNOWN_ERROR
    if found._replace(flags=AccountFlags(found.flags)) != account:
        return AccountStatus.ACCOUNT_EXISTS
    if account.id in created:
        created.discard(account.id)  # the same account twice in one call: created, then exists
        return AccountStatus.CREATED
    return AccountStatus.EXISTS
