"""One client of a TigerBeetle cluster: bytes in, bytes out, through the official native library.

It calls the native functions that the official package binds (`tigerbeetle.bindings`) instead of
its `ClientAsync`, for two reasons: `ClientAsync` builds a Python object for each field of each
record, and it loses track of a call whose task is cancelled (its `close()` then fails). Here a call
is a future; cancelling or forgetting the future leaves the call alone.

The library has no timeouts: while the cluster is away a call waits, and completes when it is back.
"""

import asyncio
import ctypes
from collections.abc import Callable
from enum import Enum, auto, unique
from typing import Any, Final, NamedTuple, Protocol

from tigerbeetle import bindings
from tigerbeetle.lib import c_uint128

Operation = bindings.Operation
PacketStatus = bindings.PacketStatus


@unique
class SessionFailure(Enum):
    """Why a call was not answered by the cluster."""

    TOO_MUCH_DATA = auto()  # more events than the cluster takes in a request: nothing was sent
    EVICTED = auto()  # the cluster gave the session to another client: the outcome is unknown
    RELEASE_TOO_LOW = auto()
    RELEASE_TOO_HIGH = auto()
    CLOSED = auto()
    REFUSED = auto()  # the library took the request for nonsense: our bug


class SessionError(Exception):
    """A call ended without an answer."""

    def __init__(self, failure: SessionFailure) -> None:
        super().__init__(failure.name)
        self.failure = failure


class Session(Protocol):
    """What the engine needs of a client."""

    def submit(self, operation: int, body: bytearray) -> asyncio.Future[bytes]:
        """Send one request of packed events; the future holds the packed reply or SessionError.

        The session owns the body from here on: the library reads it until it answers.

        The call can't be cancelled. Cancelling the future only means not being told.
        """
        ...

    async def close(self) -> None:
        """End the session; calls without an answer fail with CLOSED."""
        ...


_FAILURES: Final = {
    PacketStatus.TOO_MUCH_DATA.value: SessionFailure.TOO_MUCH_DATA,
    PacketStatus.CLIENT_EVICTED.value: SessionFailure.EVICTED,
    PacketStatus.CLIENT_RELEASE_TOO_LOW.value: SessionFailure.RELEASE_TOO_LOW,
    PacketStatus.CLIENT_RELEASE_TOO_HIGH.value: SessionFailure.RELEASE_TOO_HIGH,
    PacketStatus.CLIENT_SHUTDOWN.value: SessionFailure.CLOSED,
}
_LIVE: set["NativeSession"] = set()  # the library holds a pointer to each one's callback


class _Call(NamedTuple):
    packet: Any  # the library writes to it until completion
    body: Any  # and reads from this
    future: asyncio.Future[bytes]
    loop: asyncio.AbstractEventLoop


class NativeSession:
    """A session of the native client library. Create and use it on one event loop.

    Args:
        cluster_id: the number the data files were formatted with.
        addresses: numeric replica addresses, comma-separated, in the order of the replicas.
        initialize: `bindings.tb_client_init`, or `tb_client_init_echo` that answers each request
            with its own bytes.

    Raises:
        OSError: the library could not start (no memory, no io_uring, bad address).
    """

    def __init__(
        self,
        *,
        cluster_id: int,
        addresses: str,
        initialize: Callable[..., bindings.InitStatus] = bindings.tb_client_init,
    ) -> None:
        self._client = bindings.CClient()
        self._callback = bindings.OnCompletion(self._on_completion)
        self._calls: dict[int, _Call] = {}
        self._last_key = 0
        self._ended = SessionFailure.CLOSED
        self._closing: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        encoded = addresses.encode("ascii")
        cluster = c_uint128.from_param(cluster_id)
        status = initialize(
            ctypes.byref(self._client),
            ctypes.cast(ctypes.byref(cluster), ctypes.POINTER(ctypes.c_uint8 * 16)),
            encoded,
            len(encoded),
            None,
            self._callback,
        )
        if status != bindings.InitStatus.SUCCESS:
            name = bindings.InitStatus(status).name
            raise OSError(f"the TigerBeetle client could not start: {name} ({addresses})")
        _LIVE.add(self)

    def submit(self, operation: int, body: bytearray) -> asyncio.Future[bytes]:
        """See `Session`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._last_key = key = self._last_key + 1
        buffer = (ctypes.c_char * len(body)).from_buffer(body)
        packet = bindings.CPacket(
            user_data=key,
            data=ctypes.cast(buffer, ctypes.c_void_p),
            data_size=len(body),
            operation=operation,
        )
        self._calls[key] = _Call(packet, buffer, future, loop)
        status = bindings.tb_client_submit(ctypes.byref(self._client), ctypes.byref(packet))
        if status != bindings.ClientStatus.OK:  # closed, or evicted before this call
            del self._calls[key]
            future.set_exception(SessionError(self._ended))
        return future

    def _on_completion(
        self, _context: int, packet: Any, _timestamp: int, data: int | None, size: int
    ) -> None:
        """Runs on the library's thread; the reply's memory is gone when it returns."""
        status: int = packet[0].status
        key: int = packet[0].user_data
        reply = ctypes.string_at(data, size) if data and size else b""
        loop = self._calls[key].loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, key, status, reply)

    def _settle(self, key: int, status: int, reply: bytes) -> None:
        call = self._calls.pop(key)
        if self._drained is not None and not self._calls and not self._drained.done():
            self._drained.set_result(None)
        if status == PacketStatus.OK:
            if not call.future.done():
                call.future.set_result(reply)
            return
        failure = _FAILURES.get(status, SessionFailure.REFUSED)
        if failure not in (SessionFailure.TOO_MUCH_DATA, SessionFailure.REFUSED):
            self._ended = failure
        if not call.future.done():
            call.future.set_exception(SessionError(failure))

    async def close(self) -> None:
        """See `Session`. May be called twice, and concurrently."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        # Joins the library's thread, which needs the interpreter to finish its callbacks.
        await asyncio.to_thread(bindings.tb_client_deinit, ctypes.byref(self._client))
        # After an eviction that thread ends by itself and may still be failing the last calls.
        if self._calls:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        _LIVE.discard(self)
