"""The ledger's interface, split by role.

tests/conformance/ledger/suite.py is its meaning in code. Rules that hold for each engine:

- **A chain is one.** Its transfers are applied in order, all or none; a single transfer is a chain
  of one. Limits hold after each transfer, not only at the end of a chain or a batch.
- **Shape first.** `validation.check_chain` comes before anything else and never touches the engine:
  a malformed transfer answers the same on each engine and burns no id.
- **Replays are no-ops.** A chain whose transfers are all in the ledger, with the same content,
  answers EXISTS, which is success. If some of its ids are taken, by other content or by only a part
  of the chain, it answers TRANSFER_EXISTS at the first such transfer.
- **Burnt ids.** An id that was refused must not be used again: a new attempt after a refusal takes
  new ids. An engine may answer ID_ALREADY_FAILED (TigerBeetle does) or evaluate again (memory and
  Postgres do). Only a retry after an *unknown* outcome (`LedgerUnavailableError`) uses the same
  ids.
- **Order.** Timestamps grow strictly along one account's history. A batch is applied in its order.
- **Time is the engine's.** A pending transfer is expired when timestamp + timeout <= now; from then
  on it can't be posted, and what it reserved is free again (TigerBeetle: within a second or so, by
  its own pulse).
- **A caller that stops waiting does not undo.** Cancelling `submit` never cancels the write.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from services.backend.ledger.model import (
    Account,
    AccountResult,
    Balances,
    ChainResult,
    HistoryPage,
    NewAccount,
    Transfer,
    TransferRecord,
)

Chain = Sequence[Transfer]


class LedgerReader(Protocol):
    """Looks into the ledger. Raises LedgerUnavailableError when the engine can't be reached."""

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id. At most LOOKUP_IDS_MAX ids (InvalidQueryError)."""
        ...

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id. As many ids as above (InvalidQueryError)."""
        ...

    async def history(
        self,
        account_id: int,
        *,
        cursor: int | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> HistoryPage:
        """Return transfers that debit or credit the account, in the order of their timestamps.

        The cursor is the timestamp of the last transfer already seen. The limit is from 1 to
        HISTORY_LIMIT_MAX (InvalidQueryError). An unknown account has an empty history.
        """
        ...


class LedgerMemory(Protocol):
    """Remembers what passed through it."""

    def last_seen(self, account_id: int) -> Balances | None:
        """How the last batch of this process that touched an account left it, if that is known.

        Only for accounts that no other process touches meanwhile.
        """
        ...

    def on_touched(self, listener: Callable[[Collection[int]], None]) -> None:
        """Name the accounts to a listener that each batch of this process touched, after it."""
        ...


class LedgerReservations(Protocol):
    """Finds reservations that nobody resolved."""

    async def reservations(self, code: int, *, after: int, until: int, limit: int) -> HistoryPage:
        """Return pending transfers with a timeout and this code, in the order of their timestamps.

        Timestamps lie after `after` and no later than `until`. Those that are posted, voided or
        expired may be missing: Postgres and memory leave them out, TigerBeetle keeps no index of
        what is pending. A page may be empty and still have a cursor, the next call's `after`. It
        ends after the limit, which is as for `history`, and goes on while timestamps are equal.
        """
        ...


class LedgerAccounts(Protocol):
    """Creates accounts."""

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> list[AccountResult]:
        """Create each account that isn't there, and answer one result an account, in order.

        Each stands alone, and a repeat answers EXISTS: after LedgerUnavailableError just call it
        again.
        """
        ...


class LedgerWriter(Protocol):
    """Writes single chains; what a service is given. The batcher implements it."""

    async def submit(self, chain: Chain, *, opening: Sequence[NewAccount] = ()) -> ChainResult:
        """Apply one chain and wait for its result.

        The accounts in `opening` are there before, created if need be, also when the chain is
        refused.

        Raises:
            InvalidChainError: the chain is empty, too long or names an id twice.
            LedgerOverloadedError, LedgerClosedError: not taken, nothing happened.
            LedgerUnavailableError: outcome unknown; retry under the same ids.
        """
        ...


class LedgerEngine(LedgerReader, LedgerReservations, LedgerAccounts, Protocol):
    """What an engine implements.

    One flusher calls `apply` at a time; the rest may be called beside it.
    """

    @property
    def batch_transfers_max(self) -> int:
        """How many transfers one `apply` may hold; at least CHAIN_TRANSFERS_MAX."""
        ...

    async def apply(
        self, chains: Sequence[Chain], *, opening: Sequence[NewAccount] = ()
    ) -> list[ChainResult]:
        """Apply the chains in order, each all or nothing, and answer one result a chain, in order.

        The accounts in `opening` that aren't there are created before. The caller has put each
        chain through `validation.check_chain`; the batcher does. LedgerUnavailableError means that
        the outcome of each chain is unknown. Must not be cancelled from outside: the batcher runs
        it in a task of its own.
        """
        ...

    async def close(self) -> None:
        """Release connections. `apply` must not be running."""
        ...


class Ledger(
    LedgerReader, LedgerMemory, LedgerReservations, LedgerAccounts, LedgerWriter, Protocol
):
    """All roles that services use."""

    @property
    def queued_transfers(self) -> int:
        """How many transfers wait for a batch of this process."""
        ...

    async def close(self) -> None:
        """Take nothing more, write out what was taken, then release the engine."""
        ...
