"""What the engine sends and how it slices replies, with a session that plays the cluster."""

import asyncio
import struct
from collections.abc import Callable

import pytest
from tigerbeetle import CreateTransferStatus as T

from services.backend.ledger.errors import (
    AccountStatus,
    InvalidQueryError,
    LedgerUnavailableError,
    TransferStatus,
)
from services.backend.ledger.model import (
    CHAIN_TRANSFERS_MAX,
    HISTORY_LIMIT_MAX,
    LOOKUP_IDS_MAX,
    AccountFlags,
    NewAccount,
    Transfer,
)
from services.backend.ledger.tigerbeetle.calls import Calls
from services.backend.ledger.tigerbeetle.codec import pack_chains, unpack_transfers
from services.backend.ledger.tigerbeetle.engine import TigerBeetleLedger
from services.backend.ledger.tigerbeetle.session import Operation, Session

BATCH_MAX = 100
_Reply = Callable[[bytes], bytes | None]


def results(*statuses: T) -> bytes:
    return b"".join(struct.pack("<QII", 1_000 + at, s, 0) for at, s in enumerate(statuses))


def all_created(body: bytes) -> bytes:
    return results(*[T.CREATED] * (len(body) // 128))


def nothing(_body: bytes) -> bytes:
    return b""


class Cluster:
    """Answers each operation by a function; None leaves the call without a reply."""

    def __init__(self, **replies: _Reply) -> None:
        self._replies = replies
        self.requests: list[tuple[str, bytes]] = []
        self.futures: list[asyncio.Future[bytes]] = []

    def submit(self, operation: int, body: bytearray) -> asyncio.Future[bytes]:
        name = Operation(operation).name.lower()
        self.requests.append((name, bytes(body)))
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        reply = self._replies[name](bytes(body))
        if reply is not None:
            future.set_result(reply)
        return future

    async def close(self) -> None:
        """Nothing to end."""


def engine(cluster: Cluster, *, reply_timeout_s: float = 60.0) -> TigerBeetleLedger:
    async def connect() -> Session:
        return cluster

    calls = Calls(connect=connect, reply_timeout_s=reply_timeout_s)
    return TigerBeetleLedger(calls=calls, batch_transfers_max=BATCH_MAX)


def single(transfer_id: int) -> Transfer:
    return Transfer(transfer_id, 1, 2, 10, 1, 1)


def chain_of(first_id: int, length: int) -> list[Transfer]:
    return [single(first_id + at) for at in range(length)]


async def test_a_batch_is_one_request_and_each_chain_gets_its_slice() -> None:
    def reply(_body: bytes) -> bytes:
        linked = T.LINKED_EVENT_FAILED
        return results(T.CREATED, linked, T.EXCEEDS_CREDITS, T.CREATED, T.CREATED)

    cluster = Cluster(create_transfers=reply)
    chains = [[single(1)], chain_of(2, 2), chain_of(4, 2)]
    first, second, third = await engine(cluster).apply(chains)
    assert len(cluster.requests) == 1
    assert (first.status, first.timestamps) == (TransferStatus.CREATED, (1_000,))
    assert (second.status, second.failed_at) == (TransferStatus.INSUFFICIENT_BALANCE, 1)
    assert (third.status, third.timestamps) == (TransferStatus.CREATED, (1_003, 1_004))


async def test_more_than_a_request_holds_is_cut_between_chains_never_in_one() -> None:
    cluster = Cluster(create_transfers=all_created)
    chains = [chain_of(100 * at, 60) for at in range(1, 4)] + [[single(900)]] * 8
    answers = await engine(cluster).apply(chains)
    assert len(answers) == len(chains)
    sizes = [len(unpack_transfers(body)) for _, body in cluster.requests]
    assert sizes == [60, 60, 68]


async def test_no_chains_are_no_request() -> None:
    cluster = Cluster()
    assert await engine(cluster).apply([]) == []
    assert cluster.requests == []


async def test_a_replayed_chain_is_recognised_by_looking_it_up() -> None:
    chain = chain_of(5, 2)
    cluster = Cluster(
        create_transfers=lambda _: results(T.EXISTS, T.LINKED_EVENT_FAILED),
        lookup_transfers=lambda _: packed_records(chain),
    )
    [answer] = await engine(cluster).apply([chain])
    assert answer.status is TransferStatus.EXISTS
    assert answer.timestamps == (70, 71)


def packed_records(chain: list[Transfer]) -> bytes:
    packed = pack_chains([chain], len(chain))
    for at in range(len(chain)):
        struct.pack_into("<Q", packed, 128 * at + 120, 70 + at)
    return bytes(packed)


async def test_a_refusal_that_came_too_late_is_told_to_the_retry() -> None:
    replies: list[bytes | None] = [None, results(T.ID_ALREADY_FAILED)]
    cluster = Cluster(create_transfers=lambda _: replies.pop(0))
    ledger = engine(cluster, reply_timeout_s=0.01)
    with pytest.raises(LedgerUnavailableError):
        await ledger.apply([[single(1)]])
    cluster.futures[0].set_result(results(T.EXCEEDS_CREDITS))
    await asyncio.sleep(0)
    [answer] = await ledger.apply([[single(1)]])
    assert answer.status is TransferStatus.INSUFFICIENT_BALANCE


async def test_a_burnt_id_that_nobody_remembers_stays_a_burnt_id() -> None:
    cluster = Cluster(create_transfers=lambda _: results(T.ID_ALREADY_FAILED))
    [answer] = await engine(cluster).apply([[single(1)]])
    assert answer.status is TransferStatus.ID_ALREADY_FAILED


async def test_malformed_accounts_are_answered_here_and_keep_their_places() -> None:
    cluster = Cluster(create_accounts=lambda body: results(*[T.CREATED] * (len(body) // 128)))
    accounts = [
        NewAccount(0, 1, 1, AccountFlags.NONE),
        NewAccount(5, 1, 1, AccountFlags.NONE),
        NewAccount(6, 0, 1, AccountFlags.NONE),
    ]
    answers = await engine(cluster).create_accounts(accounts)
    assert [answer.status for answer in answers] == [
        AccountStatus.INVALID_ID,
        AccountStatus.CREATED,
        AccountStatus.INVALID_LEDGER,
    ]
    assert [len(body) for _, body in cluster.requests] == [128]


async def test_many_accounts_go_out_in_requests_of_the_cluster_s_size() -> None:
    cluster = Cluster(create_accounts=all_created)
    accounts = [NewAccount(at, 1, 1, AccountFlags.NONE) for at in range(1, 2 * BATCH_MAX + 2)]
    assert all(each.status.ok for each in await engine(cluster).create_accounts(accounts))
    sizes = [len(body) // 128 for _, body in cluster.requests]
    assert sizes == [BATCH_MAX, BATCH_MAX, 1]


async def test_lookups_are_cut_to_what_a_request_holds() -> None:
    cluster = Cluster(lookup_accounts=nothing, lookup_transfers=nothing)
    ledger = engine(cluster)
    assert await ledger.lookup_accounts(range(1, LOOKUP_IDS_MAX + 1)) == {}
    assert await ledger.lookup_transfers([]) == {}
    sizes = [len(body) // 16 for _, body in cluster.requests]
    assert sizes == [8 * BATCH_MAX] * (LOOKUP_IDS_MAX // (8 * BATCH_MAX))


async def test_a_lookup_of_too_much_is_refused_before_it_is_sent() -> None:
    cluster = Cluster()
    with pytest.raises(InvalidQueryError):
        await engine(cluster).lookup_accounts(range(1, LOOKUP_IDS_MAX + 2))
    with pytest.raises(InvalidQueryError):
        await engine(cluster).history(1, limit=HISTORY_LIMIT_MAX + 1)
    assert cluster.requests == []


@pytest.mark.parametrize(
    ("cursor", "newest_first", "bounds"),
    [
        (None, False, (0, 0)),
        (None, True, (0, 0)),
        (50, False, (51, 0)),
        (50, True, (0, 49)),
    ],
)
async def test_a_page_starts_after_its_cursor_and_always_has_a_limit(
    cursor: int | None, newest_first: bool, bounds: tuple[int, int]
) -> None:
    cluster = Cluster(get_account_transfers=nothing)
    await engine(cluster).history(9, cursor=cursor, limit=10, newest_first=newest_first)
    [(_, body)] = cluster.requests
    assert struct.unpack_from("<QQI", body, 104) == (*bounds, 11)


async def test_before_the_first_timestamp_there_is_nothing() -> None:
    cluster = Cluster()  # a bound of 0 would mean "no bound" and start over
    page = await engine(cluster).history(9, cursor=1, limit=10, newest_first=True)
    assert (page.transfers, page.cursor) == ((), None)


async def test_a_page_has_a_cursor_only_when_there_is_more() -> None:
    cluster = Cluster(get_account_transfers=lambda _: packed_records(chain_of(1, 3)))
    ledger = engine(cluster)
    page = await ledger.history(9, limit=2)
    assert (len(page.transfers), page.cursor) == (2, 71)
    page = await ledger.history(9, limit=3)
    assert (len(page.transfers), page.cursor) == (3, None)


def test_a_cluster_that_can_t_take_a_whole_chain_is_refused() -> None:
    async def connect() -> Session:
        raise AssertionError("a refused engine never connects")

    with pytest.raises(ValueError, match="less than a chain"):
        TigerBeetleLedger(
            calls=Calls(connect=connect, reply_timeout_s=1),
            batch_transfers_max=CHAIN_TRANSFERS_MAX - 1,
        )
