"""A request id on every log line of a call, one line a call, and its time and status measured."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import structlog

from servicekit.clock import Clock
from servicekit.error_mapping import GRPC_CODES
from servicekit.errors import Kind, ServiceError
from servicekit.ids import IdSource
from servicekit.interceptors.wrapping import AroundInterceptor, Context

REQUEST_ID_KEY = "x-request-id"
REQUEST_ID_CHARACTERS_MAX = 128
_US_PER_SECOND = 1_000_000
_OUR_FAULT = frozenset({Kind.INTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE})
_log = structlog.get_logger(__name__)
Ended = Callable[[str, str, float], None]
"""Is told a call's full method name, its gRPC status by name, and its seconds."""


def logging_interceptor(*, clock: Clock, ids: IdSource, ended: Ended) -> AroundInterceptor:
    """Binds `request_id` (the caller's, or a new one) and tells the outcome with its duration."""

    @asynccontextmanager
    async def around(method: str, context: Context) -> AsyncIterator[None]:
        structlog.contextvars.bind_contextvars(request_id=_request_id(context, ids), rpc=method)
        start = clock.monotonic()
        status = grpc.StatusCode.INTERNAL
        try:
            yield
            status = grpc.StatusCode.OK
            _log.debug("rpc_done", elapsed_us=_us(clock.monotonic() - start))
        except ServiceError as error:
            status = GRPC_CODES[error.kind]
            level = "warning" if error.kind in _OUR_FAULT else "info"
            elapsed = _us(clock.monotonic() - start)
            getattr(_log, level)("rpc_refused", reason=error.reason, elapsed_us=elapsed)
            raise
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED
            raise
        finally:
            ended(method, status.name, clock.monotonic() - start)

    return AroundInterceptor(around)


def _us(seconds: float) -> int:
    return int(seconds * _US_PER_SECOND)


def _request_id(context: Context, ids: IdSource) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID_KEY and isinstance(value, str):
            return value[:REQUEST_ID_CHARACTERS_MAX]
    return str(ids.uuid())
