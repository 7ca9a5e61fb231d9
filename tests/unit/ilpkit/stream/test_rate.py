import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.money import Ratio
from ilpkit.stream.rate import RateBounds, minimum_delivery

rates = st.builds(Ratio, st.integers(1, 10**9), st.integers(1, 10**9))
amounts = st.integers(1, 2**63)


def test_nothing_is_known_at_first() -> None:
    bounds = RateBounds()
    assert not bounds.known
    assert bounds.low is None
    assert bounds.high is None
    assert bounds.source_surely(1) is None


def test_a_minimum_rounds_up_and_is_zero_without_a_rate() -> None:
    assert minimum_delivery(3, Ratio(1, 2)) == 2
    assert minimum_delivery(3, None) == 0


def test_a_reply_bounds_the_rate_from_both_sides() -> None:
    bounds = RateBounds()
    bounds.observe(source=10, received=9)
    assert (bounds.low, bounds.high) == (Ratio(9, 10), Ratio(1, 1))
    assert (bounds.delivery_least(100), bounds.delivery_most(100)) == (90, 99)


def test_a_larger_packet_narrows_and_a_vaguer_one_changes_nothing() -> None:
    bounds = RateBounds()
    bounds.observe(source=10, received=9)
    bounds.observe(source=1_000, received=912)
    version = bounds.version
    assert (bounds.low, bounds.high) == (Ratio(912, 1_000), Ratio(913, 1_000))
    bounds.observe(source=2, received=1)
    bounds.observe(source=0, received=0)
    assert (bounds.low, bounds.high) == (Ratio(912, 1_000), Ratio(913, 1_000))
    assert bounds.version == version


@pytest.mark.parametrize("received", [500, 2_000])
def test_a_reply_outside_the_bounds_starts_them_anew(received: int) -> None:
    bounds = RateBounds()
    bounds.observe(source=1_000, received=990)
    bounds.observe(source=1_000, received=received)
    assert bounds.low == Ratio(received, 1_000)
    assert bounds.high == Ratio(received + 1, 1_000)


def test_a_path_that_delivers_nothing_has_no_lower_bound() -> None:
    bounds = RateBounds()
    bounds.observe(source=10, received=0)
    assert bounds.known
    assert bounds.low is None
    assert bounds.delivery_most(10) == 0


def test_bounds_can_be_handed_on() -> None:
    bounds = RateBounds(low=Ratio(1, 2), high=Ratio(3, 4))
    again = RateBounds(low=bounds.low, high=bounds.high)
    assert (again.low, again.high) == (Ratio(1, 2), Ratio(3, 4))


@given(rate=rates, amount=amounts)
def test_an_exact_rate_foretells_each_delivery(rate: Ratio, amount: int) -> None:
    bounds = RateBounds.exact(rate)
    delivered = rate.floor_mul(amount)
    assert bounds.delivery_least(amount) == bounds.delivery_most(amount) == delivered


@given(rate=rates, seen=st.lists(amounts, min_size=1, max_size=5), delivery=amounts)
def test_what_one_true_rate_shows_never_excludes_it(
    rate: Ratio, seen: list[int], delivery: int
) -> None:
    bounds = RateBounds()
    for source in seen:
        bounds.observe(source=source, received=rate.floor_mul(source))
    assert bounds.high is not None
    assert rate < bounds.high
    assert bounds.low is None or bounds.low <= rate
    surely = bounds.source_surely(delivery)
    assert surely is None or rate.floor_mul(surely) >= delivery
    assert rate.floor_mul(bounds.source_without_excess(delivery)) <= delivery
    # Anything less than what may deliver it, does not.
    assert rate.floor_mul(bounds.source_possibly(delivery) - 1) <= delivery
    for source in seen:
        arrived = rate.floor_mul(source)
        assert bounds.delivery_least(source) <= arrived <= bounds.delivery_most(source)
