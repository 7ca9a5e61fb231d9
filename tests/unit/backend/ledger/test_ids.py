from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import ID_MAX, LEDGER_MAX
from services.backend.ledger.rules.chart import allowance_pool_account_id, settlement_account_id

parts = st.lists(
    st.one_of(st.text(), st.binary(), st.integers(0, 2**128 - 1)), min_size=1, max_size=4
).map(tuple)


@given(parts)
def test_ids_are_uuids_of_version_8(given_parts: tuple[str | bytes | int, ...]) -> None:
    value = UUID(int=derive_id(*given_parts))
    assert (value.version, value.variant) == (8, "specified in RFC 4122")
    assert 0 < value.int <= ID_MAX


@given(parts, parts)
def test_other_parts_give_another_id(
    left: tuple[str | bytes | int, ...], right: tuple[str | bytes | int, ...]
) -> None:
    same = [(type(part), part) for part in left] == [(type(part), part) for part in right]
    assert (derive_id(*left) == derive_id(*right)) == same


def test_ids_stay_what_they_are() -> None:
    """They are in people's ledgers: a replay after an upgrade must find them."""
    assert UUID(int=derive_id("post", 1)) == UUID("703f64d1-bd5e-80f7-b6f1-7c04b7ccb05c")


def test_parts_do_not_run_into_one_another() -> None:
    assert (
        len({derive_id("a", "b"), derive_id("ab"), derive_id("a", b"b"), derive_id("", "ab")}) == 4
    )


@pytest.mark.parametrize("bad", [-1, 2**128])
def test_integers_beyond_128_bits_are_refused(bad: int) -> None:
    with pytest.raises(OverflowError):
        derive_id(bad)


def test_control_accounts_never_meet_each_other_or_a_uuid() -> None:
    assert settlement_account_id(LEDGER_MAX) < allowance_pool_account_id(1)
    assert allowance_pool_account_id(LEDGER_MAX) < 1 << 62  # below every UUID's variant bits
