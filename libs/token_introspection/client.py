"""Introspection over gRPC, asked once for what many ask at the same time.

Requests of one client often come together under one token. Calls that ask the same while a question
is under way share its answer.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import grpc
import grpc.aio
from ilpkit.openpayments.access import AskedAccess
from rafiki.introspection.v1.introspection_service_pb2 import IntrospectRequest
from rafiki.introspection.v1.introspection_service_pb2_grpc import IntrospectionServiceStub
from servicekit.errors import Kind, ServiceError

from token_introspection.errors import IntrospectionFailed
from token_introspection.messages import introspection_of, request_message
from token_introspection.model import Introspection

DEADLINE_S: Final = 5.0
_RETRIABLE_CODES: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
    }
)
_RETRIABLE_KINDS: Final = frozenset(
    {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.RESOURCE_EXHAUSTED, Kind.CONFLICT}
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

    def __init__(self, *, channel: grpc.aio.Channel, deadline_s: float = DEADLINE_S) -> None:
        self._stub = IntrospectionServiceStub(channel)
        self._deadline_s = deadline_s
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
        try:
            response = await self._stub.Introspect(request, timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            raise _failed(error.code().name, retriable=error.code() in _RETRIABLE_CODES) from error
        except ServiceError as error:  # what channels of servicekit raise in its place
            raise _failed(error.reason, retriable=error.kind in _RETRIABLE_KINDS) from error
        return introspection_of(response)

    def _ended(self, key: bytes, task: asyncio.Task[Introspection]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, even when every caller has given up


def _failed(name: str, *, retriable: bool) -> IntrospectionFailed:
    return IntrospectionFailed(f"the authorization server failed: {name}", retriable=retriable)
