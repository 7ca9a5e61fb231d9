"""Wrapping of RPC handlers, so that an interceptor is one function around any call."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from inspect import isawaitable
from typing import Any

import grpc
import grpc.aio

Context = grpc.aio.ServicerContext[Any, Any]
Around = Callable[[str, Context], AbstractAsyncContextManager[None]]
"""What runs around a handler: given the full method name and the context, before and after it."""

_Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]


class AroundInterceptor(grpc.aio.ServerInterceptor):
    """Runs one async context manager around each call, of all four shapes.

    Wrapped handlers are kept by method: grpc.aio asks for the handler on each call.
    """

    def __init__(self, around: Around) -> None:
        self._around = around
        self._wrapped: dict[str, tuple[Any, Any]] = {}

    async def intercept_service(
        self, continuation: _Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """The wrapped handler; none for an unknown method, so the memory stays bounded."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = str(handler_call_details.method)
        known = self._wrapped.get(method)
        if known is None or known[0] is not handler:
            known = self._wrapped[method] = (handler, self._wrap(handler, method))
        return known[1]

    def _wrap(self, handler: Any, method: str) -> Any:
        around = self._around
        codecs = (handler.request_deserializer, handler.response_serializer)
        if handler.response_streaming:
            behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream

            async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
                async with around(method, context):
                    replies = behavior(request, context)
                    if isawaitable(replies):
                        # A handler that writes through its context instead of yielding.
                        await replies
                        return
                    async for reply in replies:
                        yield reply

            if handler.request_streaming:
                return grpc.stream_stream_rpc_method_handler(stream, *codecs)
            return grpc.unary_stream_rpc_method_handler(stream, *codecs)
        behavior = handler.stream_unary if handler.request_streaming else handler.unary_unary

        async def unary(request: Any, context: Context) -> Any:
            async with around(method, context):
                return await behavior(request, context)

        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(unary, *codecs)
        return grpc.unary_unary_rpc_method_handler(unary, *codecs)
