"""Waiting for a state instead of a time."""

import asyncio
from collections.abc import Callable


async def until(reached: Callable[[], bool]) -> None:
    """Let the loop turn until a state is reached; the test's own timeout bounds it."""
    while not reached():  # noqa: ASYNC110 - the states waited for have no event to subscribe to
        await asyncio.sleep(0.001)
