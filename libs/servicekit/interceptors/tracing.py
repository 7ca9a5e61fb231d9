"""RPCs as spans of a trace, served and called, with its identity in their metadata."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc.aio

from servicekit.interceptors.wrapping import AroundInterceptor, Context
from servicekit.tracing import Tracing

_LIBRARYS_OWN: Final = "/grpc."
"""Health and reflection: asked every few seconds, and part of nothing."""


def tracing_interceptor(tracing: Tracing) -> AroundInterceptor:
    """A span around each call that is served."""

    @asynccontextmanager
    async def around(method: str, context: Context) -> AsyncIterator[None]:
        if method.startswith(_LIBRARYS_OWN):
            yield
            return
        headers = dict(context.invocation_metadata() or ())
        with tracing.serving(method.removeprefix("/"), headers):
            yield

    return AroundInterceptor(around)


class TracedCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """A span around each unary call, over all of its attempts."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """One call."""
        method = client_call_details.method
        name = method if isinstance(method, str) else method.decode("ascii")
        with self._tracing.calling(name.removeprefix("/"), {}) as headers:
            metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()), *headers.items())
            details = client_call_details._replace(metadata=metadata)
            return await continuation(details, request)
