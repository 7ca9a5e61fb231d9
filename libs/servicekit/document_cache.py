"""Fetched documents kept for a while: bounded, one fetch at a time for each URL."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from servicekit.clock import Clock
from servicekit.documents import FetchFailed

ENTRIES_MAX: Final = 4096
FAILURE_LIFE_S: Final = 2.0
"""How long a failure is repeated without asking again."""

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Document]):
    document: Document | None
    failure: str | None
    taken_at: float


class DocumentCache(Generic[Document]):
    """Least recently used entries go first; each lives `life_s` seconds."""

    def __init__(
        self,
        *,
        clock: Clock,
        fetch: Callable[[str], Awaitable[Document]],
        life_s: float,
        entries_max: int = ENTRIES_MAX,
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._life_s = life_s
        self._entries_max = entries_max
        self._entries: OrderedDict[str, _Entry[Document]] = OrderedDict()
        self._running: dict[str, asyncio.Task[_Entry[Document]]] = {}

    async def get(self, url: str, *, age_s_max: float | None = None) -> Document:
        """The document of a URL, no older than `age_s_max` (default: the cache's life).

        Raises:
            FetchFailed: it can't be had, or could not a moment ago.
        """
        limit = self._life_s if age_s_max is None else age_s_max
        entry = self._entries.get(url)
        if entry is None or self._age(entry) >= (FAILURE_LIFE_S if entry.failure else limit):
            entry = await self._refresh(url)
        else:
            self._entries.move_to_end(url)
        if entry.document is None:
            raise FetchFailed(entry.failure or "")
        return entry.document

    def holds(self, url: str) -> bool:
        """Whether the document of a URL is at hand."""
        entry = self._entries.get(url)
        return entry is not None and entry.failure is None and self._age(entry) < self._life_s

    async def _refresh(self, url: str) -> _Entry[Document]:
        task = self._running.get(url)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(url))
            self._running[url] = task
            task.add_done_callback(partial(self._ended, url))
        # One caller that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _load(self, url: str) -> _Entry[Document]:
        entry: _Entry[Document]
        try:
            entry = _Entry(await self._fetch(url), None, self._clock.monotonic())
        except FetchFailed as failed:
            entry = _Entry(None, str(failed), self._clock.monotonic())
        self._entries[url] = entry
        self._entries.move_to_end(url)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
        return entry

    def _ended(self, url: str, task: asyncio.Task[_Entry[Document]]) -> None:
        self._running.pop(url, None)
        if not task.cancelled():
            task.exception()  # seen, even when every caller has given up

    def _age(self, entry: _Entry[Document]) -> float:
        return self._clock.monotonic() - entry.taken_at
