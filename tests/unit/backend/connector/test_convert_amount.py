"""Amounts between assets: exact, rounded down, and a rate that is not known yet."""

import asyncio
from uuid import UUID

import pytest
from ilpkit.errors import PolicyRefusal
from ilpkit.ilp.error_codes import decode_amount_too_large
from ilpkit.money import U64_MAX, Asset, Ratio

from services.backend.connector.steps.convert_amount import convert
from services.backend.connector.steps.error_to_reject import RejectedError

TENANT = UUID(int=1)
USD, EUR, DIGITS = Asset("USD", 2), Asset("EUR", 2), Asset("USD", 4)


class LateRates:
    """Knows nothing without waiting."""

    def __init__(self, rate: Ratio | None, *, answers: bool = True) -> None:
        self.rate, self.answers, self.asked = rate, answers, 0

    def cached(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        return None

    async def get(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        self.asked += 1
        if not self.answers:
            await asyncio.Event().wait()
        return self.rate


async def converted(rates: LateRates, amount: int, source: Asset, destination: Asset) -> int:
    return await convert(
        rates, tenant_id=TENANT, amount=amount, source=source, destination=destination
    )


async def test_the_first_packet_of_a_pair_waits_for_its_rate() -> None:
    rates = LateRates(Ratio(91, 100))
    assert await converted(rates, 101, USD, EUR) == 91  # 91.91, rounded down
    assert rates.asked == 1


async def test_an_asset_needs_no_rate_to_itself_and_zero_needs_none_at_all() -> None:
    rates = LateRates(None)
    assert await converted(rates, 7, USD, USD) == 7
    assert await converted(rates, 0, USD, EUR) == 0
    assert rates.asked == 0


@pytest.mark.parametrize("rates", [LateRates(None), LateRates(Ratio(1, 1), answers=False)])
async def test_a_rate_that_does_not_come_is_a_temporary_failure(rates: LateRates) -> None:
    with pytest.raises(PolicyRefusal) as refused:
        await converted(rates, 7, USD, EUR)
    assert refused.value.ilp_code == "T00"


async def test_an_amount_worth_less_than_a_unit_is_refused() -> None:
    with pytest.raises(PolicyRefusal) as refused:
        await converted(LateRates(Ratio(1, 2)), 1, USD, EUR)
    assert refused.value.ilp_code == "R01"


@pytest.mark.parametrize(
    ("rate", "most"), [(Ratio(2, 1), 2**63 - 1), (Ratio.of_decimal("1e400"), 0)]
)
async def test_an_amount_worth_more_than_a_packet_carries_is_too_large(
    rate: Ratio, most: int
) -> None:
    with pytest.raises(RejectedError) as refused:
        await converted(LateRates(rate), U64_MAX, USD, EUR)
    assert refused.value.ilp_code == "F08"
    assert decode_amount_too_large(refused.value.data) == (U64_MAX, most)
