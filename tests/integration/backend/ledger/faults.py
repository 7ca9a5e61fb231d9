"""Puts a fault between two statements of a batch on Postgres."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.backend.ledger.postgres.connection import connect

# The statements of one batch, in order; a fault strikes before or after one of them.
STATEMENTS = ("BEGIN", "load_batch", "store_batch", "COMMIT")
MOMENTS = [(when, statement) for statement in STATEMENTS for when in ("before", "after")]
Fault = Callable[[], Awaitable[None]]


class FaultyConnection:
    """A connection that strikes once, at the n-th batch."""

    def __init__(self, inner: Any, strike: "Strike") -> None:
        self._inner = inner
        self._strike = strike

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def execute(self, query: str, *args: Any) -> Any:
        await self._strike.at("before", query)
        result = await self._inner.execute(query, *args)
        await self._strike.at("after", query)
        return result

    async def fetch(self, query: str, *args: Any) -> Any:
        await self._strike.at("before", query)
        result = await self._inner.fetch(query, *args)
        await self._strike.at("after", query)
        return result


class Strike:
    """When the fault happens, and what it does."""

    def __init__(self, *, when: str, statement: str, batch: int, fault: Fault) -> None:
        self._when = when
        self._statement = statement
        self._left = batch
        self._fault = fault
        self.struck = False

    async def at(self, when: str, query: str) -> None:
        if self.struck or when != self._when or self._statement not in query:
            return
        self._left -= 1
        if self._left == 0:
            self.struck = True
            await self._fault()


def faulty(strike: Strike) -> Callable[[str], Awaitable[FaultyConnection]]:
    """Return what a `PostgresLedger` connects with to be struck."""

    async def connect_faulty(url: str) -> FaultyConnection:
        return FaultyConnection(await connect(url), strike)

    return connect_faulty
