"""Exchange rates from the operator's or a tenant's rates service, kept for their lifetime.

The packet path asks `cached`, which never waits; whoever finds a sheet old sets a refresh off and
goes on with what there is for one lifetime more. Everyone else asks `get`, which waits for a miss.
"""

import asyncio
from json import JSONDecodeError, loads
from typing import Final, Protocol
from uuid import UUID

import structlog
from ilpkit.errors import ProtocolError
from ilpkit.money import Asset, Ratio
from servicekit.clock import Clock

from services.backend.rates.model import RateSheet

SHEETS_MAX: Final = 4096
STALE_LIFETIMES_MAX: Final = 2
RETRY_MS: Final = 1_000
"""How long packets leave a rates service alone that failed."""
_log = structlog.get_logger(__name__)


class RateFetcher(Protocol):
    """Gets a rates document."""

    async def __call__(self, url: str, base: str) -> bytes:
        """The body of GET url?base=...; raises OSError when nobody answers as they should."""
        ...


class RateUrls(Protocol):
    """Where a tenant's rates come from."""

    def rates_url(self, tenant_id: UUID) -> str | None:
        """The URL, or None when there is none."""
        ...


class Rates:
    """Rates by tenant and base currency."""

    def __init__(
        self, *, fetch: RateFetcher, urls: RateUrls, clock: Clock, lifetime_ms: int
    ) -> None:
        self._fetch = fetch
        self._urls = urls
        self._clock = clock
        self._lifetime_ms = lifetime_ms
        self._sheets: dict[tuple[str, str], RateSheet] = {}
        self._loading: dict[tuple[str, str], asyncio.Task[RateSheet | None]] = {}
        self._failed_at_ms: dict[tuple[str, str], int] = {}

    def cached(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        """The rate if it is known now, without waiting; sets a refresh off when it is old."""
        if source.code == destination.code:
            return Ratio.between_scales(source=source.scale, destination=destination.scale)
        url = self._urls.rates_url(tenant_id)
        if url is None:
            return None
        key = (url, source.code)
        sheet = self._sheets.get(key)
        age = None if sheet is None else self._clock.now_ms() - sheet.fetched_at_ms
        if (age is None or age >= self._lifetime_ms) and not self._failed_lately(key):
            self._load(key)
        if sheet is None or age is None or age >= STALE_LIFETIMES_MAX * self._lifetime_ms:
            return None
        return sheet.rate(source, destination)

    async def get(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        """The rate, fetched when it must be; None when it can't be had."""
        if source.code == destination.code:
            return Ratio.between_scales(source=source.scale, destination=destination.scale)
        url = self._urls.rates_url(tenant_id)
        if url is None:
            return None
        key = (url, source.code)
        sheet = self._sheets.get(key)
        if sheet is None or self._clock.now_ms() - sheet.fetched_at_ms >= self._lifetime_ms:
            sheet = await asyncio.shield(self._load(key))
        return None if sheet is None else sheet.rate(source, destination)

    def fetched_at_ms(self, tenant_id: UUID, source: Asset) -> int | None:
        """When the rates of a currency were fetched, in Unix ms; None if they were not."""
        url = self._urls.rates_url(tenant_id)
        sheet = None if url is None else self._sheets.get((url, source.code))
        return None if sheet is None else sheet.fetched_at_ms

    def _failed_lately(self, key: tuple[str, str]) -> bool:
        failed_at_ms = self._failed_at_ms.get(key)
        return failed_at_ms is not None and self._clock.now_ms() - failed_at_ms < RETRY_MS

    def _load(self, key: tuple[str, str]) -> asyncio.Task[RateSheet | None]:
        """One fetch at a time for a key; everyone who asks meanwhile shares it."""
        task = self._loading.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch_sheet(key))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return task

    async def _fetch_sheet(self, key: tuple[str, str]) -> RateSheet | None:
        url, base = key
        try:
            sheet = parse_sheet(await self._fetch(url, base), base, self._clock.now_ms())
        except (OSError, ValueError, ProtocolError, TimeoutError) as error:
            _log.warning("rates_unavailable", url=url, base=base, error=str(error))
            if len(self._failed_at_ms) >= SHEETS_MAX:
                self._failed_at_ms.clear()
            self._failed_at_ms[key] = self._clock.now_ms()
            return None
        self._failed_at_ms.pop(key, None)
        if len(self._sheets) >= SHEETS_MAX and key not in self._sheets:
            self._sheets.pop(next(iter(self._sheets)))
        self._sheets[key] = sheet
        return sheet


def parse_sheet(body: bytes, base: str, now_ms: int) -> RateSheet:
    """A rates document; numbers are taken as the decimals that they are written as.

    Raises:
        ValueError: it is none, or is of another base.
    """
    try:
        document = loads(body, parse_float=str, parse_int=str)
    except (JSONDecodeError, RecursionError) as error:
        raise ValueError("the rates are no JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("rates"), dict):
        raise ValueError("the rates document has no rates")  # noqa: TRY004 - wrong data, not a wrong argument
    if document.get("base") != base:
        raise ValueError(f"asked for {base}, got {document.get('base')}")
    prices: dict[str, Ratio] = {}
    for code, number in document["rates"].items():
        # A rate that is no positive number makes its own pair unknown, not its neighbours.
        try:
            prices[code] = Ratio.of_decimal(str(number))
        except ProtocolError:
            _log.warning("rate_ignored", base=base, counter=code, rate=str(number))
    return RateSheet(base, prices, now_ms)
