"""Hears of revocations from an authorization server that tells them, for a cache of answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import grpc
import grpc.aio
from rafiki.introspection.v1.introspection_service_pb2 import WatchRevocationsRequest
from rafiki.introspection.v1.introspection_service_pb2_grpc import IntrospectionServiceStub

from token_introspection.cache import CachedIntrospector

RETRY_S: Final = 1.0
ABSENT_RETRY_S: Final = 600.0
"""A server that does not tell revocations may be replaced by one that does."""
_log = logging.getLogger(__name__)


class RevocationWatch:
    """Keeps one cache honest, over a channel that the caller owns."""

    def __init__(
        self,
        *,
        channel: grpc.aio.Channel,
        cache: CachedIntrospector,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_absent: Callable[[], None] | None = None,
    ) -> None:
        """`on_absent` is called once if the server does not tell revocations."""
        self._stub = IntrospectionServiceStub(channel)
        self._cache = cache
        self._sleep = sleep
        self._on_absent = on_absent

    async def run(self) -> None:
        """Watch until cancelled; begins anew when the stream ends."""
        while True:
            await self._sleep(await self._watch())

    async def _watch(self) -> float:
        """One stream; returns the seconds to wait before the next."""
        try:
            stands = False
            async for notice in self._stub.WatchRevocations(WatchRevocationsRequest()):
                if not stands:
                    self._cache.opened()
                    stands = True
                elif notice.all:
                    self._cache.forget_all()
                else:
                    self._cache.forget(notice.grants)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                if self._on_absent is not None:
                    self._on_absent()
                    self._on_absent = None
                return ABSENT_RETRY_S
            _log.debug("the watch of revocations ended: %s", error.code().name)
        finally:
            self._cache.closed()
        return RETRY_S
