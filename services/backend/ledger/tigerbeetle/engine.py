"""The ledger on a TigerBeetle cluster: production's engine, also when there is one replica.

One engine, with one client, a process: a cluster has room for 64. The batcher hands over many
chains at a time; they go out as one request of packed records.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.backend.ledger.errors import AccountStatus, TransferStatus
from services.backend.ledger.model import (
    CHAIN_TRANSFERS_MAX,
    Account,
    AccountResult,
    ChainResult,
    HistoryPage,
    NewAccount,
    Transfer,
    TransferKind,
    TransferRecord,
)
from services.backend.ledger.rules.validation import check_account, check_history, check_lookup
from services.backend.ledger.tigerbeetle.calls import REPLY_TIMEOUT_S, Calls
from services.backend.ledger.tigerbeetle.codec import (
    Answers,
    pack_account_filter,
    pack_accounts,
    pack_chains,
    pack_ids,
    pack_query_filter,
    unpack_accounts,
    unpack_results,
    unpack_transfers,
)
from services.backend.ledger.tigerbeetle.connect import (
    READY_TIMEOUT_S,
    connect,
    discover_batch_max,
)
from services.backend.ledger.tigerbeetle.session import Operation, Session
from services.backend.ledger.tigerbeetle.status import (
    TRANSFER_CREATED,
    account_status,
    chain_result,
    needs_lookup,
    replay_result,
)

RECORDS_MAX: Final = 8_189  # in a reply of one megabyte, whatever the request's limit
LATE_REFUSALS_MAX: Final = 10_000


class TigerBeetleLedger:
    """A `LedgerEngine` on TigerBeetle. Make it with `open`; one a process."""

    def __init__(self, *, calls: Calls, batch_transfers_max: int) -> None:
        if batch_transfers_max < CHAIN_TRANSFERS_MAX:
            raise ValueError(
                f"the cluster takes {batch_transfers_max} transfers, less than a chain"
            )
        self._calls = calls
        self._batch_transfers_max = batch_transfers_max
        # Ids are 16 bytes and transfers 128: eight times as many fit, up to what a reply holds.
        self._lookup_max = min(RECORDS_MAX, 8 * batch_transfers_max)
        self._late_refusals: OrderedDict[int, TransferStatus] = OrderedDict()

    @classmethod
    async def open(
        cls,
        addresses: str,
        *,
        cluster_id: int = 0,
        ready_timeout_s: float = READY_TIMEOUT_S,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        batch_transfers_max: int | None = None,
    ) -> "TigerBeetleLedger":
        """Connect, and find out how much a request may hold unless the caller knows.

        Raises, within `ready_timeout_s` seconds, what tigerbeetle_errors.py describes.
        """

        async def new_session() -> Session:
            return await connect(addresses, cluster_id=cluster_id, ready_timeout_s=ready_timeout_s)

        calls = Calls(connect=new_session, reply_timeout_s=reply_timeout_s)
        try:
            await calls.ready()
            batch_max = batch_transfers_max or await discover_batch_max(calls)
            return cls(calls=calls, batch_transfers_max=batch_max)
        except BaseException:
            await calls.close()
            raise

    @property
    def batch_transfers_max(self) -> int:
        """How many transfers one request holds: 8,189, less if the replicas were told so."""
        return self._batch_transfers_max

    @property
    def calls_abandoned(self) -> int:
        """How many calls are under way that nobody waits for any more; 0 in good times."""
        return self._calls.abandoned_count

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> list[AccountResult]:
        """Create each account that isn't there."""
        refusals = [check_account(account) for account in accounts]
        wellformed = [
            account for account, refusal in zip(accounts, refusals, strict=True) if refusal is None
        ]
        statuses: list[AccountStatus] = []
        for start in range(0, len(wellformed), self._batch_transfers_max):
            part = wellformed[start : start + self._batch_transfers_max]
            reply = await self._calls.write(Operation.CREATE_ACCOUNTS, pack_accounts(part))
            statuses.extend(map(account_status, unpack_results(reply).statuses))
        answers = iter(statuses)
        return [
            AccountResult(account.id, next(answers) if refusal is None else refusal)
            for account, refusal in zip(accounts, refusals, strict=True)
        ]

    async def apply(
        self, chains: Sequence[Sequence[Transfer]], *, opening: Sequence[NewAccount] = ()
    ) -> list[ChainResult]:
        """Apply chains that have passed `validation.check_chain`, in order."""
        if opening:
            await self.create_accounts(opening)
        results: list[ChainResult] = []
        for batch, transfer_count in self._batches(chains):
            results.extend(await self._apply_batch(batch, transfer_count))
        return results

    def _batches(
        self, chains: Sequence[Sequence[Transfer]]
    ) -> Iterator[tuple[Sequence[Sequence[Transfer]], int]]:
        """Cut between chains where a request is full; usually there is nothing to cut."""
        start = transfer_count = 0
        for index, chain in enumerate(chains):
            if transfer_count + len(chain) > self._batch_transfers_max:
                yield chains[start:index], transfer_count
                start, transfer_count = index, 0
            transfer_count += len(chain)
        if transfer_count:
            yield chains[start:], transfer_count

    async def _apply_batch(
        self, chains: Sequence[Sequence[Transfer]], transfer_count: int
    ) -> list[ChainResult]:
        batch = pack_chains(chains, transfer_count)

        def on_late_reply(reply: bytes) -> None:
            self._keep_refusals(chains, unpack_results(reply))

        reply = await self._calls.write(
            Operation.CREATE_TRANSFERS, batch, on_late_reply=on_late_reply
        )
        answers = unpack_results(reply)
        timestamps, statuses = answers
        assert len(statuses) == transfer_count, "one an event"
        results: list[ChainResult] = []
        unclear: list[int] = []
        start = 0
        created = TransferStatus.CREATED
        for index, chain in enumerate(chains):
            end = start + len(chain)
            if end - start == 1 and statuses[start] == TRANSFER_CREATED:
                results.append(ChainResult(created, 1, 0, (timestamps[start],)))
            else:
                part = answers.part(start, end)
                results.append(self._explained(chain, chain_result(part)))
                if needs_lookup(part):
                    unclear.append(index)
            start = end
        if unclear:
            records = await self._records_behind([chains[index] for index in unclear])
            for index in unclear:
                results[index] = replay_result(chains[index], records) or results[index]
        return results

    async def _records_behind(
        self, chains: Sequence[Sequence[Transfer]]
    ) -> Mapping[int, TransferRecord]:
        ids = {
            transfer_id
            for chain in chains
            for transfer in chain
            for transfer_id in (transfer.id, transfer.pending_id)
            if transfer_id
        }
        return await self._lookup_transfers(list(ids))

    def _explained(self, chain: Sequence[Transfer], result: ChainResult) -> ChainResult:
        """Say why an id failed when its refusal came too late for the caller that waited."""
        if result.status is not TransferStatus.ID_ALREADY_FAILED:
            return result
        reason = self._late_refusals.get(chain[result.failed_at].id)
        return result if reason is None else result._replace(status=reason)

    def _keep_refusals(self, chains: Sequence[Sequence[Transfer]], answers: Answers) -> None:
        start = 0
        for chain in chains:
            result = chain_result(answers.part(start, start + len(chain)))
            start += len(chain)
            burnt = not result.ok and result.status is not TransferStatus.ID_ALREADY_FAILED
            if burnt:
                self._late_refusals[chain[result.failed_at].id] = result.status
        while len(self._late_refusals) > LATE_REFUSALS_MAX:
            self._late_refusals.popitem(last=False)

    async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
        """Return the accounts that exist, by id."""
        check_lookup(account_ids)
        found: dict[int, Account] = {}
        for part in self._lookup_parts(account_ids):
            reply = await self._calls.read(Operation.LOOKUP_ACCOUNTS, pack_ids(part))
            found.update((account.id, account) for account in unpack_accounts(reply))
        return found

    async def lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        """Return the transfers that exist, by id."""
        check_lookup(transfer_ids)
        return await self._lookup_transfers(transfer_ids)

    async def _lookup_transfers(self, transfer_ids: Sequence[int]) -> Mapping[int, TransferRecord]:
        found: dict[int, TransferRecord] = {}
        for part in self._lookup_parts(transfer_ids):
            reply = await self._calls.read(Operation.LOOKUP_TRANSFERS, pack_ids(part))
            found.update((record.id, record) for record in unpack_transfers(reply))
        return found

    def _lookup_parts(self, ids: Sequence[int]) -> Iterator[Sequence[int]]:
        for start in range(0, len(ids), self._lookup_max):
            yield ids[start : start + self._lookup_max]

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
        timestamp_min = timestamp_max = 0  # no bound
        if cursor is not None and newest_first:
            if cursor == 1:
                return HistoryPage((), None)  # a bound of 0 would mean none
            timestamp_max = cursor - 1
        elif cursor is not None:
            timestamp_min = cursor + 1
        # One more than asked for tells whether there is a next page.
        body = pack_account_filter(
            account_id,
            timestamp_min=timestamp_min,
            timestamp_max=timestamp_max,
            limit=limit + 1,
            newest_first=newest_first,
        )
        reply = await self._calls.read(Operation.GET_ACCOUNT_TRANSFERS, body)
        found = unpack_transfers(reply)
        page = tuple(found[:limit])
        return HistoryPage(page, page[-1].timestamp if len(found) > limit else None)

    async def reservations(self, code: int, *, after: int, until: int, limit: int) -> HistoryPage:
        """Return a page of pending transfers; those that are resolved are among them."""
        check_history(cursor=after or None, limit=limit)
        body = pack_query_filter(code, timestamp_min=after + 1, timestamp_max=until, limit=limit)
        reply = await self._calls.read(Operation.QUERY_TRANSFERS, body)
        # Posts and voids carry the code of what they resolve.
        found = unpack_transfers(reply)
        page = tuple(each for each in found if each.kind is TransferKind.PENDING and each.timeout_s)
        return HistoryPage(page, found[-1].timestamp if len(found) == limit else None)

    async def close(self) -> None:
        """End the session."""
        await self._calls.close()
