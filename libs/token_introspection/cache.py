"""Answers remembered for a short time, and forgotten as soon as their grant loses a token.

All that a token allows is remembered, so that whatever is asked of it is answered from that.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ilpkit.openpayments.access import AskedAccess, find_granting

from token_introspection.client import Introspector
from token_introspection.model import ActiveToken, Introspection

CACHE_ENTRIES_MAX: Final = 10_000
CACHE_LIFE_S_MAX: Final = 30.0

_Key = bytes
"""The hash of a token."""


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: ActiveToken
    until: float


class CachedIntrospector:
    """Remembers what active tokens allow; a token that is not active is asked about each time.

    Without a watch a revocation is heard when an answer's life ends. With one (`RevocationWatch`),
    answers are remembered only while it stands, and a revocation takes as long as its notice.
    """

    def __init__(
        self,
        inner: Introspector,
        *,
        life_s: float,
        monotonic: Callable[[], float],
        entries_max: int = CACHE_ENTRIES_MAX,
        watched: bool = False,
    ) -> None:
        """`monotonic` gives elapsed seconds; `life_s` is at most CACHE_LIFE_S_MAX.

        With `watched` nothing is remembered before `opened`.
        """
        if not 0 < life_s <= CACHE_LIFE_S_MAX:
            raise ValueError(f"life_s lies above 0 and up to {CACHE_LIFE_S_MAX:g}")
        self._inner = inner
        self._life_s = life_s
        self._monotonic = monotonic
        self._entries_max = entries_max
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._of_grant: dict[str, set[_Key]] = {}
        self._open = not watched
        self._forgettings = 0

    async def introspect(self, token: str, access: Sequence[AskedAccess] = ()) -> Introspection:
        """The same as the inner one, by its answer of less than `life_s` seconds ago."""
        if not self._open:
            return await self._inner.introspect(token, access)
        key = hashlib.sha256(token.encode()).digest()
        kept, asked_at = self._entries.get(key), self._monotonic()
        if kept is not None and asked_at < kept.until:
            self._entries.move_to_end(key)
            return _covering(kept.answer, access)
        before = self._forgettings
        answer = await self._inner.introspect(token)
        # What was forgotten meanwhile may be this very answer; the end of a watch forgets too.
        if before == self._forgettings and isinstance(answer, ActiveToken):
            self._remember(key, answer, asked_at)
        return _covering(answer, access) if isinstance(answer, ActiveToken) else answer

    def opened(self) -> None:
        """A watch stands: no revocation is missed from now on."""
        self.forget_all()
        self._open = True

    def closed(self) -> None:
        """The watch ended: nothing is remembered until the next one stands."""
        self._open = False
        self.forget_all()

    def forget(self, grant_ids: Iterable[str]) -> None:
        """These grants lost a token."""
        self._forgettings += 1
        for grant_id in grant_ids:
            for key in self._of_grant.pop(grant_id, ()):
                self._entries.pop(key, None)

    def forget_all(self) -> None:
        """Any grant may have lost a token."""
        self._forgettings += 1
        self._entries.clear()
        self._of_grant.clear()

    def _remember(self, key: _Key, answer: ActiveToken, asked_at: float) -> None:
        # Its age counts from the question: a revocation meanwhile is not in the answer.
        life_s = self._life_s
        if answer.expires_in_s is not None:
            life_s = min(life_s, answer.expires_in_s)
        self._entries[key] = _Entry(answer, asked_at + life_s)
        self._entries.move_to_end(key)
        self._of_grant.setdefault(answer.grant_id, set()).add(key)
        while len(self._entries) > self._entries_max:
            self._drop(*self._entries.popitem(last=False))

    def _drop(self, key: _Key, entry: _Entry) -> None:
        keys = self._of_grant.get(entry.answer.grant_id)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._of_grant[entry.answer.grant_id]


def _covering(answer: ActiveToken, asked: Sequence[AskedAccess]) -> ActiveToken:
    """The items that cover what is asked, as the server would have chosen them; all without."""
    if not asked:
        return answer
    found = [find_granting(answer.access, wanted) for wanted in asked]
    return replace(answer, access=tuple(item for item in answer.access if item in found))
