"""Slots for payments: whatever some tenants hold, others find room."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.backend.outgoing_payments.slots import SHARE, Slots

TENANTS = st.integers(1, 6)


def tenant(number: int) -> UUID:
    return UUID(int=number)


def payment(number: int) -> UUID:
    return UUID(int=1_000 + number)


def fill(slots: Slots, number: int, wanted: int) -> int:
    """Let one tenant with endless payments claim; how many it got of those that it wanted."""
    got = 0
    while got < wanted and slots.has_room(tenant(number)):
        for _ in range(min(slots.claimable(), wanted - got)):
            slots.take(UUID(int=(number << 32) + 1_000 + got), tenant(number))
            got += 1
    return got


def test_one_tenant_alone_leaves_a_quarter_to_whoever_comes() -> None:
    slots = Slots(64)
    assert fill(slots, 1, 500) == 48
    assert slots.full() == [tenant(1)]
    assert slots.claimable() > 0
    assert fill(slots, 2, 500) == 12
    assert fill(slots, 3, 1) == 1


@given(slots=st.integers(1, 200))
def test_a_few_slots_are_used_too(slots: int) -> None:
    alone = fill(Slots(slots), 1, 500)
    assert min(slots, slots * SHARE // (SHARE + 1)) <= alone <= slots


def test_what_is_freed_goes_to_who_is_not_full() -> None:
    slots = Slots(8)
    fill(slots, 1, 500)
    fill(slots, 2, 500)
    assert not slots.has_room(tenant(1))
    slots.free(UUID(int=(1 << 32) + 1_000))
    assert slots.has_room(tenant(3))


@given(
    slots=st.integers(1, 64),
    steps=st.lists(st.tuples(TENANTS, st.booleans()), max_size=200),
)
def test_no_claim_gives_a_tenant_more_than_its_share_nor_all_more_than_there_are(
    slots: int, steps: list[tuple[int, bool]]
) -> None:
    """Whoever gets all of a claim had less than its share before the last one of it."""
    tried, held, made = Slots(slots), list[tuple[UUID, UUID]](), 0
    for number, frees in steps:
        if frees and held:
            freed, _ = held.pop(number % len(held))
            tried.free(freed)
            continue
        if tenant(number) in tried.full():
            continue
        for _ in range(tried.claimable()):
            made += 1
            tried.take(payment(made), tenant(number))
            held.append((payment(made), tenant(number)))
        counts = Counter(owner for _, owner in held)
        assert len(held) <= slots
        assert counts[tenant(number)] - 1 < SHARE * (slots - len(held) + 1)
