"""What other banks said of their incoming payments a moment ago, kept to be asked for less."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final, TypeVar

from servicekit.clock import Clock

from services.backend.receivers.model import Receiver

Kept = TypeVar("Kept")

FRESH: Final = timedelta(seconds=10)
"""How long a receiver's details are good enough to begin to pay it.

Should it close meanwhile, it takes no packet, and is asked again.
"""
RECEIVERS_MAX: Final = 4096
AUTH_SERVERS_MAX: Final = 4096


class Remembered:
    """In memory of one process, bounded; the longest unused go first."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._receivers: OrderedDict[str, tuple[Receiver, datetime]] = OrderedDict()
        self._auth_servers: OrderedDict[str, str] = OrderedDict()

    def keep(self, url: str, receiver: Receiver) -> None:
        """Its bank has just said so."""
        self._receivers[url] = receiver, self._clock.now()
        _bound(self._receivers, url, RECEIVERS_MAX)

    def receiver(self, url: str) -> Receiver | None:
        """A receiver whose details are fresh."""
        kept = self._receivers.get(url)
        if kept is None or self._clock.now() - kept[1] > FRESH:
            return None
        return kept[0]

    def forget(self, url: str) -> None:
        """It is not as it was."""
        self._receivers.pop(url, None)

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
