import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import LocalProtocolError
from ilpkit.stream.max_packet import GAP_DIVISOR, MaxPacketSearch, PathLimit


def test_nothing_limits_a_path_until_it_says_so() -> None:
    search = MaxPacketSearch()
    search.on_arrived(10**9)
    assert search.state is PathLimit.UNLIMITED
    assert search.limit is None
    assert search.next_amount is None
    assert search.verified == 10**9


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_carries_nothing_is_our_own_fault(limit: int) -> None:
    with pytest.raises(LocalProtocolError):
        MaxPacketSearch(limit=limit)


def test_a_known_limit_is_used_at_once() -> None:
    search = MaxPacketSearch(limit=500)
    assert search.state is PathLimit.KNOWN
    assert search.next_amount == search.limit == 500
    search.on_arrived(10_000)
    assert search.verified == 500


def test_data_of_another_unit_is_converted_and_rounded_down() -> None:
    search = MaxPacketSearch()
    search.on_too_large(1_000, received=299, maximum=100)
    assert search.state is PathLimit.KNOWN
    assert search.limit == 334  # 1000 x 100 / 299


def test_a_limit_only_falls() -> None:
    search = MaxPacketSearch(limit=500)
    search.on_too_large(1_000, received=1_000, maximum=600)
    assert search.limit == 500
    search.on_too_large(500, received=500, maximum=100)
    assert search.limit == 100


@pytest.mark.parametrize(("received", "maximum"), [(0, 0), (100, 100), (100, 200)])
def test_data_that_contradicts_the_error_is_as_good_as_none(received: int, maximum: int) -> None:
    search = MaxPacketSearch()
    search.on_too_large(100, received=received, maximum=maximum)
    assert search.state is PathLimit.SEARCHING
    assert search.limit == 99
    assert search.next_amount == 50


def test_nothing_is_never_too_large() -> None:
    search = MaxPacketSearch()
    search.on_too_large(0)
    assert search.state is PathLimit.UNLIMITED


def test_a_path_can_turn_out_to_carry_nothing() -> None:
    search = MaxPacketSearch()
    search.on_too_large(1)
    assert search.limit == 0


def test_what_passed_before_may_not_pass_now() -> None:
    search = MaxPacketSearch()
    search.on_arrived(1_000)
    search.on_too_large(800)
    assert search.limit == search.verified == 799
    assert search.state is PathLimit.KNOWN


@given(maximum=st.integers(1, 10**18), start=st.integers(1, 10**18))
def test_a_search_ends_near_the_maximum_in_few_steps(maximum: int, start: int) -> None:
    search = MaxPacketSearch()
    amount = start
    steps = 0
    while True:
        steps += 1
        if amount > maximum:
            search.on_too_large(amount)
        else:
            search.on_arrived(amount)
        if search.state is not PathLimit.SEARCHING:
            break
        assert search.next_amount is not None
        amount = search.next_amount
    assert steps < 70
    found = search.limit
    if found is None:
        assert start <= maximum
    else:
        assert maximum - maximum // GAP_DIVISOR - 1 <= found <= maximum
