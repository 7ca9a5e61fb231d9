"""What this process knows of other banks' incoming payments, kept to ask for less."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final, TypeVar

from servicekit.clock import Clock

Kept = TypeVar("Kept")

FRESH: Final = timedelta(seconds=10)
"""How long a receiver's details are good enough to begin to pay it.

Should it close meanwhile, it takes no packet, and is asked again.
"""
CHANGED_MAX: Final = 4096
AUTH_SERVERS_MAX: Final = 4096


class Remembered:
    """In memory of one process, bounded; the longest unused go first."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._changed: OrderedDict[str, datetime] = OrderedDict()
        self._auth_servers: OrderedDict[str, str] = OrderedDict()

    def changed(self, url: str) -> None:
        """It is not as it was: this process sent money there, or closed it."""
        self._changed[url] = self._clock.now()
        _bound(self._changed, url, CHANGED_MAX)

    def is_fresh(self, url: str, *, read_at: datetime) -> bool:
        """Whether what was read of a receiver is good enough to begin to pay it."""
        changed_at = self._changed.get(url)
        unchanged = changed_at is None or changed_at < read_at
        return unchanged and self._clock.now() - read_at <= FRESH

    def keep_auth_server(self, url: str, auth_server: str) -> None:
        """Who grants access to a receiver, and to all others in the same collection."""
        self._auth_servers[_collection(url)] = auth_server
        _bound(self._auth_servers, _collection(url), AUTH_SERVERS_MAX)

    def auth_server(self, url: str) -> str | None:
        """Who granted access to it before."""
        return self._auth_servers.get(_collection(url))

    def forget_auth_server(self, url: str) -> None:
        """It does not grant access any more."""
        self._auth_servers.pop(_collection(url), None)


def _collection(url: str) -> str:
    return url.rpartition("/")[0]


def _bound(kept: OrderedDict[str, Kept], newest: str, entries_max: int) -> None:
    kept.move_to_end(newest)
    if len(kept) > entries_max:
        kept.popitem(last=False)
