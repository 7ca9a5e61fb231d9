"""A cache of answers about tokens that says what it is told."""

import asyncio
from collections.abc import Iterable
from typing import Any

from token_introspection import CachedIntrospector, Introspector


class ToldCache(CachedIntrospector):
    """One that says what it is told."""

    def __init__(self, inner: Introspector, **settings: Any) -> None:
        super().__init__(inner, **settings)
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def opened(self) -> None:
        super().opened()
        self.told.put_nowait("opened")

    def closed(self) -> None:
        super().closed()
        self.told.put_nowait("closed")

    def forget(self, grant_ids: Iterable[str]) -> None:
        super().forget(grant_ids)
        self.told.put_nowait("forget")

    def forget_all(self) -> None:
        super().forget_all()
        self.told.put_nowait("forget all")

    async def hears(self, what: str) -> None:
        """Wait until it is told this."""
        while await self.told.get() != what:
            pass
