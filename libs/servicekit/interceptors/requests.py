"""Requests are read, decoded and checked here, within the error and deadline interceptors.

The library reads a unary call's message before any interceptor's code runs and without a time
limit, and answers a message that it can't decode with UNKNOWN. Served as calls with a stream of
raw requests, which look the same on the wire, unary calls are read by us instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from servicekit.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted
from servicekit.interceptors.wrapping import Context
from servicekit.text_rules import check_message

Metadata = Iterable[tuple[str, str | bytes]]
Admit = Callable[[Message, Metadata], Awaitable[None]]
"""A service's own rule for all its calls: it returns, or raises a ServiceError."""
_Decode = Callable[[bytes], Message]
_RETRY_AFTER_MS: Final = 100


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """What one server reads and runs at once."""

    arrival_s_max: float = 10.0
    """From the headers of a unary call to its message."""
    waiting_max: int = 256
    """Unary calls without their message; one more, and the one that waits longest is refused."""
    calls_max: int = 1000
    """Handlers of unary calls at work; one more is refused."""
    streams_max: int = 256
    """Handlers of calls that stream, either way; counted apart, since a stream may stay open."""


class RequestsInterceptor(grpc.aio.ServerInterceptor):
    """The innermost interceptor: it hands the servicer decoded and checked messages."""

    def __init__(self, limits: RequestLimits, admit: Admit | None = None) -> None:
        self._limits = limits
        self._admit = admit
        self._calls, self._streams = _Room(limits.calls_max), _Room(limits.streams_max)
        self._waiting: dict[object, asyncio.Timeout] = {}
        self._wrapped: dict[str, tuple[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler that reads for the servicer's; none for an unknown method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = str(handler_call_details.method)
        known = self._wrapped.get(method)
        if known is None or known[0] is not handler:
            known = self._wrapped[method] = (handler, self._wrap(handler))
        return known[1]

    def _wrap(self, handler: Any) -> Any:
        streams = handler.request_streaming or handler.response_streaming
        room = self._streams if streams else self._calls
        if handler.response_streaming:
            behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream

            async def stream(raw: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
                request = await self._request(handler, raw, context)
                with room:
                    replies = behavior(request, context)
                    if isawaitable(replies):
                        # A handler that writes through its context instead of yielding.
                        await replies
                        return
                    async for reply in replies:
                        yield reply

            return grpc.stream_stream_rpc_method_handler(stream, None, handler.response_serializer)
        behavior = handler.stream_unary if handler.request_streaming else handler.unary_unary

        async def unary(raw: AsyncIterator[bytes], context: Context) -> Any:
            request = await self._request(handler, raw, context)
            with room:
                return await behavior(request, context)

        return grpc.stream_unary_rpc_method_handler(unary, None, handler.response_serializer)

    async def _request(self, handler: Any, raw: AsyncIterator[bytes], context: Context) -> Any:
        """What the servicer's method takes: one message, or all that come."""
        decode = handler.request_deserializer
        if handler.request_streaming:
            return _decoded_all(raw, decode)
        encoded = await self._first(context)
        message = _decoded(encoded, decode)
        check_message(message, encoded)
        if self._admit is not None:
            await self._admit(message, context.invocation_metadata() or ())
        return message

    async def _first(self, context: Context) -> bytes:
        """The message of a unary call, in time."""
        call = object()
        try:
            async with asyncio.timeout(self._limits.arrival_s_max) as timeout:
                self._waiting[call] = timeout
                self._refuse_longest_waiting()
                encoded = await context.read()
        except TimeoutError:
            if not timeout.expired():
                raise
            if call not in self._waiting:
                raise _overloaded("too many calls wait for their message") from None
            raise DeadlineExceeded(
                "DEADLINE", f"no message came within {self._limits.arrival_s_max:g} s"
            ) from None
        finally:
            self._waiting.pop(call, None)
        if encoded is grpc.aio.EOF:
            raise InvalidArgument("INVALID_BODY", "the call ended without its message")
        return bytes(encoded)

    def _refuse_longest_waiting(self) -> None:
        if len(self._waiting) > self._limits.waiting_max:
            longest = next(iter(self._waiting))
            self._waiting.pop(longest).reschedule(asyncio.get_running_loop().time())


class _Room:
    """Counts what runs inside it, and refuses one more than fits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0

    def __enter__(self) -> None:
        if self._running >= self._most:
            raise _overloaded("too many calls run at once")
        self._running += 1

    def __exit__(self, *_: object) -> None:
        self._running -= 1


async def _decoded_all(raw: AsyncIterator[bytes], decode: _Decode) -> AsyncIterator[Message]:
    """The messages of a stream, unchecked: a servicer can refuse one and go on with the others."""
    async for encoded in raw:
        yield _decoded(encoded, decode)


def _decoded(encoded: bytes, decode: _Decode) -> Message:
    try:
        return decode(encoded)
    except DecodeError:
        raise InvalidArgument(
            "INVALID_BODY",
            "the message is not in the wire format of its type, or holds text that is no UTF-8",
        ) from None


def _overloaded(message: str) -> ResourceExhausted:
    return ResourceExhausted("OVERLOADED", message, retry_after_ms=_RETRY_AFTER_MS)
