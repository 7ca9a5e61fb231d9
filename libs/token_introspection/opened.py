"""Introspection in one line: a channel, answers kept for seconds, and the watch that ends them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
import grpc.aio

from token_introspection.cache import CachedIntrospector
from token_introspection.client import IntrospectionClient, Introspector
from token_introspection.watch import RevocationWatch

ANSWER_LIFE_S: Final = 10.0


@asynccontextmanager
async def open_introspection(
    target: str,
    *,
    credentials: grpc.ChannelCredentials | None = None,
    life_s: float = ANSWER_LIFE_S,
) -> AsyncIterator[Introspector]:
    """Ask the authorization server at `host:port`; plain text without `credentials`.

    Answers are kept for up to `life_s` seconds where the server tells of revocations, else not.
    """
    channel = (
        grpc.aio.insecure_channel(target)
        if credentials is None
        else grpc.aio.secure_channel(target, credentials)
    )
    async with channel:
        cache = CachedIntrospector(
            IntrospectionClient(channel=channel),
            life_s=life_s,
            monotonic=time.monotonic,
            watched=True,
        )
        watch = asyncio.create_task(RevocationWatch(channel=channel, cache=cache).run())
        try:
            yield cache
        finally:
            watch.cancel()
            await asyncio.wait([watch])
