"""Introspection over gRPC, asked once for what many ask at the same time.

Requests of one client often come together under one token. Calls that ask the same while a question
is under way share its answer. A server that is away for a moment is asked again.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

import grpc
import grpc.aio
from ilpkit.openpayments.access import AskedAccess
from rafiki.introspection.v1.introspection_service_pb2 import (
    IntrospectRequest,
    IntrospectResponse,
)
from rafiki.introspection.v1.introspection_service_pb2_grpc import IntrospectionServiceStub

from token_introspection.errors import IntrospectionFailed
from token_introspection.messages import introspection_of, request_message
from token_introspection.model import Introspection

DEADLINE_S: Final = 5.0
"""Of one attempt."""
ATTEMPTS_MAX: Final = 3
RETRY_FIRST_S: Final = 0.05
"""Doubled each time."""
_RETRIABLE_CODES: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
    }
)


class Introspector(Protocol):
    """Whoever can tell what a token allows."""

    async def introspect(self, token: str, access: Sequence[AskedAccess] = ()) -> Introspection:
        """What a token allows of the access asked; of everything if nothing is asked.

        Raises:
            IntrospectionFailed: nothing is known of the token.
        """
        ...


class IntrospectionClient:
    """Asks an authorization server over a channel that the caller owns."""

    def __init__(
        self,
        *,
        channel: grpc.aio.Channel,
        deadline_s: float = DEADLINE_S,
        attempts_max: int = ATTEMPTS_MAX,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """With a channel that tries again by itself, `attempts_max` is 1."""
        self._stub = IntrospectionServiceStub(channel)
        self._deadline_s = deadline_s
        self._attempts_max = attempts_max
        self._sleep = sleep
        self._running: dict[bytes, asyncio.Task[Introspection]] = {}

    async def introspect(self, token: str, access: Sequence[AskedAccess] = ()) -> Introspection:
        """What a token allows of the access asked; of everything if nothing is asked.

        Raises:
            IntrospectionFailed: the server does not answer, or not as the contract says.
        """
        request = request_message(token, access)
        key = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        task = self._running.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(request))
            self._running[key] = task
            task.add_done_callback(partial(self._ended, key))
        # One caller that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, request: IntrospectRequest) -> Introspection:
        attempt = 1
        while True:
            try:
                return introspection_of(await self._call(request))
            except grpc.aio.AioRpcError as error:
                again = error.code() is grpc.StatusCode.UNAVAILABLE
                if not again or attempt >= self._attempts_max:
                    raise _failed(error) from error
            await self._sleep(RETRY_FIRST_S * (1 << (attempt - 1)))
            attempt += 1

    async def _call(self, request: IntrospectRequest) -> IntrospectResponse:
        try:
            return await self._stub.Introspect(request, timeout=self._deadline_s)
        except Exception as error:
            # A channel may raise errors of its own, made from the library's.
            if isinstance(error.__cause__, grpc.aio.AioRpcError):
                raise error.__cause__ from None
            raise

    def _ended(self, key: bytes, task: asyncio.Task[Introspection]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, even when every caller has given up


def _failed(error: grpc.aio.AioRpcError) -> IntrospectionFailed:
    code = error.code()
    return IntrospectionFailed(
        f"the authorization server failed: {code.name}", retriable=code in _RETRIABLE_CODES
    )
