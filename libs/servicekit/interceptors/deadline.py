"""Deadlines: every unary call has one, and our answer about it comes before it passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from servicekit.errors import DeadlineExceeded
from servicekit.interceptors.wrapping import AroundInterceptor, Context


@dataclass(frozen=True, kw_only=True)
class DeadlineLimits:
    """Times in seconds."""

    shave_s: float = 0.02
    """Taken off the caller's deadline, so that it hears what timed out, not nothing."""
    useful_s_min: float = 0.005
    """With less than this left after shaving, work is refused unstarted."""
    unary_s_max: float = 60.0
    """The deadline of a call whose caller set none; streams have none then."""


def deadline_interceptor(
    limits: DeadlineLimits, streaming_methods: frozenset[str] = frozenset()
) -> AroundInterceptor:
    """Stops a handler shortly before its caller's deadline.

    `streaming_methods` (`/package.Service/Method`) run without one unless the caller set it.
    """

    @asynccontextmanager
    async def around(method: str, context: Context) -> AsyncIterator[None]:
        remaining: float | None = context.time_remaining()
        if remaining is None:
            budget = None if method in streaming_methods else limits.unary_s_max
        else:
            budget = remaining - limits.shave_s
            if budget < limits.useful_s_min:
                raise DeadlineExceeded("DEADLINE", "too little time is left to begin")
        try:
            async with asyncio.timeout(budget) as timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise DeadlineExceeded(
                "DEADLINE", "the deadline passed; the work may be done"
            ) from None

    return AroundInterceptor(around)
