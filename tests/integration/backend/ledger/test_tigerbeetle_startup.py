"""Starting against a real server: what the client alone would wait for without an end."""

import asyncio
from collections.abc import Iterator

import pytest

from services.backend.ledger.model import AccountFlags, NewAccount
from services.backend.ledger.tigerbeetle.engine import TigerBeetleLedger
from services.backend.ledger.tigerbeetle.errors import (
    CLUSTER_SESSIONS_MAX,
    DEVELOPMENT_CONNECTIONS_MAX,
    TigerBeetleClientLimitError,
    TigerBeetleSilentError,
    TigerBeetleUnreachableError,
)
from tests.support.postgres import free_port
from tests.support.tigerbeetle import TigerBeetleServer, own_server

pytestmark = [pytest.mark.integration, pytest.mark.tigerbeetle]

READY_TIMEOUT_S = 3.0
DEVELOPMENT_BATCH_MAX = 253


@pytest.fixture(scope="module")
def server() -> Iterator[TigerBeetleServer]:
    running = own_server(cluster_id=3)
    yield running
    running.stop()


async def open_ledger(
    server: TigerBeetleServer, *, cluster_id: int | None = None
) -> TigerBeetleLedger:
    return await TigerBeetleLedger.open(
        server.cluster.addresses,
        cluster_id=server.cluster_id if cluster_id is None else cluster_id,
        ready_timeout_s=READY_TIMEOUT_S,
    )


async def test_the_size_of_a_request_is_discovered(server: TigerBeetleServer) -> None:
    ledger = await open_ledger(server)
    assert ledger.batch_transfers_max == DEVELOPMENT_BATCH_MAX
    await ledger.close()


async def test_a_host_name_will_do(server: TigerBeetleServer) -> None:
    addresses = server.cluster.addresses.replace("127.0.0.1", "localhost")
    ledger = await TigerBeetleLedger.open(addresses, cluster_id=server.cluster_id)
    assert await ledger.lookup_accounts([1]) == {}
    await ledger.close()


async def test_another_cluster_id_is_told_within_the_deadline(server: TigerBeetleServer) -> None:
    with pytest.raises(TigerBeetleSilentError, match="is 4 the cluster's id"):
        await open_ledger(server, cluster_id=4)


async def test_one_client_too_many_is_told_and_fits_when_another_has_left(
    server: TigerBeetleServer,
) -> None:
    ledgers = [await open_ledger(server) for _ in range(DEVELOPMENT_CONNECTIONS_MAX)]
    with pytest.raises(TigerBeetleClientLimitError, match="run fewer processes"):
        await open_ledger(server)
    await ledgers.pop().close()
    late_comer = await open_ledger(server)
    assert await late_comer.lookup_accounts([1]) == {}
    await asyncio.gather(late_comer.close(), *(ledger.close() for ledger in ledgers))


async def test_a_session_that_the_cluster_gave_to_others_is_replaced(
    server: TigerBeetleServer,
) -> None:
    """A cluster keeps 64 sessions, those of clients that are gone too; the idlest one goes."""
    idle = await open_ledger(server)
    session = idle._calls._session
    opened = 0
    while opened < CLUSTER_SESSIONS_MAX:
        others = [open_ledger(server) for _ in range(DEVELOPMENT_CONNECTIONS_MAX - 1)]
        ledgers = await asyncio.gather(*others)
        opened += len(ledgers)
        await asyncio.gather(*(ledger.close() for ledger in ledgers))
    account = NewAccount(5, 1, 1, AccountFlags.NONE)
    [result] = await idle.create_accounts([account])
    assert result.status.ok
    assert idle._calls._session is not session
    assert 5 in await idle.lookup_accounts([5])
    await idle.close()


@pytest.mark.parametrize("batch_transfers_max", [None, DEVELOPMENT_BATCH_MAX])
async def test_no_server_is_told_with_the_address(batch_transfers_max: int | None) -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TigerBeetleUnreachableError, match=address):
        await TigerBeetleLedger.open(
            address, ready_timeout_s=0.3, batch_transfers_max=batch_transfers_max
        )
