"""Rates in memory: fetched once, kept for a life, stale for one more, never in a packet's way."""

import asyncio
from uuid import UUID

import pytest
from ilpkit.money import Asset, Ratio

from services.backend.rates.service import Rates, parse_sheet
from tests.support.clock import ManualClock

TENANT = UUID(int=1)
USD, EUR, JPY, CENTS = Asset("USD", 2), Asset("EUR", 2), Asset("JPY", 0), Asset("USD", 4)
LIFETIME_MS = 15_000


class Service:
    """A rates service behind a gate."""

    def __init__(self) -> None:
        self.body = b'{"base":"USD","rates":{"EUR":0.91,"JPY":151.37}}'
        self.asked: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.url: str | None = "http://rates.test"
        self.clock = ManualClock()
        self.rates = Rates(fetch=self._fetch, urls=self, clock=self.clock, lifetime_ms=LIFETIME_MS)

    def rates_url(self, tenant_id: UUID) -> str | None:
        assert tenant_id == TENANT
        return self.url

    async def _fetch(self, url: str, base: str) -> bytes:
        self.asked.append((url, base))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.body

    async def pass_s(self, seconds: float) -> None:
        await self.clock.advance(seconds)


@pytest.fixture
async def service() -> Service:
    return Service()


async def test_a_rate_is_exact_and_counts_scales(service: Service) -> None:
    assert await service.rates.get(TENANT, USD, EUR) == Ratio(91, 100)
    assert await service.rates.get(TENANT, USD, JPY) == Ratio(15_137, 10_000)
    assert service.asked == [("http://rates.test", "USD")]


async def test_one_currency_at_two_scales_needs_no_service(service: Service) -> None:
    service.url = None
    assert await service.rates.get(TENANT, USD, CENTS) == Ratio(100, 1)
    assert service.rates.cached(TENANT, CENTS, USD) == Ratio(1, 100)


async def test_without_a_service_nothing_is_known(service: Service) -> None:
    service.url = None
    assert await service.rates.get(TENANT, USD, EUR) is None
    assert service.rates.cached(TENANT, USD, EUR) is None


async def test_those_who_ask_at_once_share_a_request(service: Service) -> None:
    service.gate.clear()
    asking = [asyncio.create_task(service.rates.get(TENANT, USD, EUR)) for _ in range(5)]
    await asyncio.sleep(0)
    service.gate.set()
    assert set(await asyncio.gather(*asking)) == {Ratio(91, 100)}
    assert len(service.asked) == 1


async def test_who_stops_waiting_stops_nobody_else(service: Service) -> None:
    service.gate.clear()
    first, second = (asyncio.create_task(service.rates.get(TENANT, USD, EUR)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    service.gate.set()
    assert await second == Ratio(91, 100)


async def test_a_sheet_is_asked_for_again_after_its_life(service: Service) -> None:
    await service.rates.get(TENANT, USD, EUR)
    await service.pass_s(14.9)
    await service.rates.get(TENANT, USD, EUR)
    assert len(service.asked) == 1
    await service.pass_s(0.1)
    await service.rates.get(TENANT, USD, EUR)
    assert len(service.asked) == 2


async def test_a_packet_never_waits_and_sets_a_request_off(service: Service) -> None:
    assert service.rates.cached(TENANT, USD, EUR) is None
    await service.pass_s(0)
    assert service.rates.cached(TENANT, USD, EUR) == Ratio(91, 100)
    assert len(service.asked) == 1


async def test_a_stale_rate_holds_for_one_more_life(service: Service) -> None:
    await service.rates.get(TENANT, USD, EUR)
    service.failure = OSError("away")
    await service.pass_s(29.9)
    assert service.rates.cached(TENANT, USD, EUR) == Ratio(91, 100)
    await service.pass_s(0.1)
    assert service.rates.cached(TENANT, USD, EUR) is None


async def test_a_quote_never_gets_a_stale_rate(service: Service) -> None:
    await service.rates.get(TENANT, USD, EUR)
    service.failure = OSError("away")
    await service.pass_s(15)
    assert await service.rates.get(TENANT, USD, EUR) is None


async def test_packets_leave_a_service_alone_that_failed(service: Service) -> None:
    service.failure = OSError("away")
    for _ in range(50):
        service.rates.cached(TENANT, USD, EUR)
        await service.pass_s(0.01)
    assert len(service.asked) == 1
    await service.pass_s(1)
    service.failure = None
    service.rates.cached(TENANT, USD, EUR)
    await service.pass_s(0)
    assert service.rates.cached(TENANT, USD, EUR) == Ratio(91, 100)


async def test_a_currency_that_is_not_in_the_sheet_is_unknown(service: Service) -> None:
    assert await service.rates.get(TENANT, USD, Asset("XAF", 0)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"base":"USD"}',
        b'{"base":"USD","rates":[]}',
        b'{"base":"EUR","rates":{"USD":1}}',
        b"\xff",
    ],
)
async def test_what_is_no_sheet_of_the_base_is_not_used(service: Service, body: bytes) -> None:
    service.body = body
    assert await service.rates.get(TENANT, USD, EUR) is None


def test_a_bad_number_makes_only_its_own_pair_unknown() -> None:
    body = b'{"base":"USD","rates":{"A":0,"B":-1,"C":"x","D":null,"E":1e400,"F":NaN,"EUR":2}}'
    assert parse_sheet(body, "USD", 0).prices == {"EUR": Ratio(2, 1), "E": Ratio(10**400, 1)}


def test_numbers_are_taken_as_they_are_written() -> None:
    sheet = parse_sheet(b'{"base":"USD","rates":{"EUR":0.1000000000000000055511151231}}', "USD", 0)
    assert sheet.prices["EUR"] == Ratio.of_decimal("0.1000000000000000055511151231")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b'{"base":"USD"}'])
async def test_a_document_that_is_none_leaves_the_rate_unknown(
    service: Service, body: bytes
) -> None:
    service.body = body
    assert await service.rates.get(TENANT, USD, EUR) is None
