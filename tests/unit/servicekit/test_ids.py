from uuid import UUID

from servicekit.ids import SystemIds, uuid7

from tests.support.clock import ManualClock


def test_uuid7_lays_out_the_rfc_9562_example() -> None:
    # RFC 9562, appendix A.6
    assert uuid7(0x017F22E279B0, 0xCC3, 0x18C4DC0C0C07398F) == UUID(
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    )


def test_ids_of_one_millisecond_stay_in_order_past_a_full_counter() -> None:
    ids = SystemIds(ManualClock())
    made = [ids.uuid() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {u.version for u in made} == {7}


async def test_ids_stay_in_order_when_the_clock_goes_back() -> None:
    clock = ManualClock()
    ids = SystemIds(clock)
    await clock.advance(10)
    before = ids.uuid()
    clock.set(ManualClock().now())
    assert ids.uuid() > before


def test_the_time_field_is_the_clock() -> None:
    clock = ManualClock()
    assert SystemIds(clock).uuid().int >> 80 == clock.now_ms()


def test_tokens_have_the_asked_length_and_differ() -> None:
    ids = SystemIds(ManualClock())
    assert len(ids.token(33)) == 33
    assert ids.token(16) != ids.token(16)
