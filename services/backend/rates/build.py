"""The exchange rates of a process, put together."""

from typing import Final
from urllib.parse import urlencode

from servicekit.clock import Clock

from services.backend.clients.http import Sessions, fetch
from services.backend.rates.service import Rates, RateUrls

_OK: Final = 200


def build(*, sessions: Sessions, urls: RateUrls, lifetime_ms: int, clock: Clock) -> Rates:
    """Rates that are fetched where each tenant says."""

    async def fetch_rates(url: str, base: str) -> bytes:
        separator = "&" if "?" in url else "?"
        query = urlencode({"base": base})
        status, body = await fetch(sessions.of(url), "GET", f"{url}{separator}{query}")
        if status != _OK:
            raise OSError(f"{url} answered {status}")
        return body

    return Rates(fetch=fetch_rates, urls=urls, clock=clock, lifetime_ms=lifetime_ms)
