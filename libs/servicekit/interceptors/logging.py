"""A request id on every log line of a call, and one line a call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from servicekit.clock import Clock
from servicekit.errors import Kind, ServiceError
from servicekit.ids import IdSource
from servicekit.interceptors.wrapping import AroundInterceptor, Context

REQUEST_ID_KEY = "x-request-id"
REQUEST_ID_CHARACTERS_MAX = 128
_US_PER_SECOND = 1_000_000
_OUR_FAULT = frozenset({Kind.INTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE})
_log = structlog.get_logger(__name__)


def logging_interceptor(*, clock: Clock, ids: IdSource) -> AroundInterceptor:
    """Binds `request_id` (the caller's, or a new one) and logs the outcome with its duration."""

    @asynccontextmanager
    async def around(method: str, context: Context) -> AsyncIterator[None]:
        structlog.contextvars.bind_contextvars(request_id=_request_id(context, ids), rpc=method)
        start = clock.monotonic()
        try:
            yield
        except ServiceError as error:
            level = "warning" if error.kind in _OUR_FAULT else "info"
            elapsed = int((clock.monotonic() - start) * _US_PER_SECOND)
            getattr(_log, level)("rpc_refused", reason=error.reason, elapsed_us=elapsed)
            raise
        elapsed = int((clock.monotonic() - start) * _US_PER_SECOND)
        _log.debug("rpc_done", elapsed_us=elapsed)

    return AroundInterceptor(around)


def _request_id(context: Context, ids: IdSource) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID_KEY and isinstance(value, str):
            return value[:REQUEST_ID_CHARACTERS_MAX]
    return str(ids.uuid())
