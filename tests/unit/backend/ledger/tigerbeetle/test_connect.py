"""The start-up probe against real sockets that behave as replicas were seen to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.backend.ledger.tigerbeetle.calls import Calls
from services.backend.ledger.tigerbeetle.codec import TRANSFER_BYTES
from services.backend.ledger.tigerbeetle.connect import (
    BATCH_TRANSFERS_MAX,
    connect,
    discover_batch_max,
)
from services.backend.ledger.tigerbeetle.errors import (
    TigerBeetleAddressError,
    TigerBeetleClientLimitError,
    TigerBeetleReleaseError,
    TigerBeetleSilentError,
    TigerBeetleUnreachableError,
)
from services.backend.ledger.tigerbeetle.session import Session, SessionError, SessionFailure

READY_TIMEOUT_S = 0.2
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A replica of another cluster: takes what comes and says nothing."""
    while await reader.read(65_536):
        pass
    writer.close()


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A replica without room for one more connection."""
    writer.close()


@asynccontextmanager
async def listening(handler: _Handler) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def open_session(addresses: str) -> Session:
    return await connect(addresses, cluster_id=7, ready_timeout_s=READY_TIMEOUT_S)


async def test_no_replica_at_the_address_is_told_with_the_address() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TigerBeetleUnreachableError, match=address):
        await open_session(address)


async def test_a_silent_replica_points_at_the_cluster_id_and_the_quorum() -> None:
    async with listening(hold) as address:
        with pytest.raises(TigerBeetleSilentError, match="is 7 the cluster's id"):
            await open_session(address)


async def test_a_replica_that_hangs_up_means_too_many_clients() -> None:
    async with listening(hang_up) as address:
        with pytest.raises(TigerBeetleClientLimitError, match="run fewer processes"):
            await open_session(address)


async def test_one_replica_that_hangs_up_outweighs_others_that_are_down() -> None:
    async with listening(hang_up) as address:
        with pytest.raises(TigerBeetleClientLimitError):
            await open_session(f"127.0.0.1:{free_port()},{address}")


async def test_host_names_are_resolved_before_the_library_sees_them() -> None:
    async with listening(hold) as address:
        with pytest.raises(TigerBeetleSilentError, match=address):
            await open_session(address.replace("127.0.0.1", "localhost"))


async def test_what_the_library_refuses_is_an_address_error() -> None:
    with pytest.raises(TigerBeetleAddressError):
        await connect("127.0.0.1:1", cluster_id=0, ready_timeout_s=1, new_session=broken)


@pytest.mark.parametrize(
    "failure", [SessionFailure.RELEASE_TOO_LOW, SessionFailure.RELEASE_TOO_HIGH]
)
async def test_a_release_mismatch_is_told_at_the_start(failure: SessionFailure) -> None:
    session = FailingSession(failure)
    with pytest.raises(TigerBeetleReleaseError):
        await connect(
            "127.0.0.1:1", cluster_id=0, ready_timeout_s=1, new_session=lambda **_: session
        )
    assert session.closed


class FailingSession:
    """Fails each call."""

    def __init__(self, failure: SessionFailure) -> None:
        self._failure = failure
        self.closed = False

    def submit(self, operation: int, body: bytearray) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        future.set_exception(SessionError(self._failure))
        return future

    async def close(self) -> None:
        self.closed = True


def broken(**_settings: object) -> Session:
    raise OSError("the TigerBeetle client could not start")


class LimitedSession:
    """Answers requests up to a size, as a cluster started with a smaller request does."""

    def __init__(self, transfers_max: int) -> None:
        self._transfers_max = transfers_max
        self.asked: list[int] = []

    def submit(self, operation: int, body: bytearray) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        transfers = len(body) // TRANSFER_BYTES
        self.asked.append(transfers)
        assert not any(body), "only transfers that can't be applied"
        if transfers > self._transfers_max:
            future.set_exception(SessionError(SessionFailure.TOO_MUCH_DATA))
        else:
            future.set_result(bytes(16 * transfers))
        return future

    async def close(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize("transfers_max", [1, 32, 253, 4_095, BATCH_TRANSFERS_MAX])
async def test_the_size_of_a_request_is_found_by_asking(transfers_max: int) -> None:
    session = LimitedSession(transfers_max)

    async def always() -> Session:
        return session

    calls = Calls(connect=always, reply_timeout_s=60)
    assert await discover_batch_max(calls) == transfers_max
    assert len(session.asked) <= 1 + BATCH_TRANSFERS_MAX.bit_length()
    if transfers_max == BATCH_TRANSFERS_MAX:
        assert len(session.asked) == 1
