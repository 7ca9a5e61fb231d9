import pytest
from ilpkit.stream.congestion import (
    AMOUNT_GROWTH_DIVISOR,
    PAUSE_MS_MAX,
    PAUSE_MS_MIN,
    WINDOW_PACKETS_MAX,
    WINDOW_PACKETS_START,
    CongestionWindow,
)

NOW = 1_000_000


def congest(window: CongestionWindow, sequence: int, now_ms: int = NOW) -> None:
    window.on_congested(sequence=sequence, sequence_next=sequence + 1, now_ms=now_ms)


def test_the_window_starts_small_and_opens_by_one_for_each_fulfil() -> None:
    window = CongestionWindow()
    assert window.packets_max == WINDOW_PACKETS_START
    window.on_fulfilled(1)
    assert window.packets_max == WINDOW_PACKETS_START + 1


def test_the_window_never_exceeds_its_limit() -> None:
    window = CongestionWindow()
    for _ in range(2 * WINDOW_PACKETS_MAX):
        window.on_fulfilled(1)
    assert window.packets_max == WINDOW_PACKETS_MAX
    assert CongestionWindow(packets_max=3).packets_max == 3


def test_a_full_window_has_no_room() -> None:
    window = CongestionWindow(packets_max=2)
    window.on_sent(5)
    assert window.room(NOW)
    window.on_sent(5)
    assert not window.room(NOW)
    window.on_answered(5)
    assert window.room(NOW)
    assert (window.packets_in_flight, window.amount_in_flight) == (1, 5)


def test_congestion_halves_the_window_once_a_round() -> None:
    window = CongestionWindow()
    window.on_congested(sequence=3, sequence_next=16, now_ms=NOW)
    assert window.packets_max == WINDOW_PACKETS_START // 2
    for sequence in range(4, 16):
        window.on_congested(sequence=sequence, sequence_next=16, now_ms=NOW)
    assert window.packets_max == WINDOW_PACKETS_START // 2
    window.on_congested(sequence=16, sequence_next=17, now_ms=NOW)
    assert window.packets_max == WINDOW_PACKETS_START // 4


def test_the_window_never_closes() -> None:
    window = CongestionWindow()
    for sequence in range(20):
        congest(window, sequence)
    assert window.packets_max == 1


def test_after_congestion_the_window_opens_by_one_for_each_window() -> None:
    window = CongestionWindow()
    congest(window, 0)
    for _ in range(WINDOW_PACKETS_START // 2):
        assert window.packets_max == WINDOW_PACKETS_START // 2
        window.on_fulfilled(1)
    assert window.packets_max == WINDOW_PACKETS_START // 2 + 1


def test_pauses_double_up_to_a_limit_and_a_fulfil_forgets_them() -> None:
    window = CongestionWindow()
    pauses = []
    for sequence in range(12):
        congest(window, sequence)
        pauses.append(window.paused_until_ms - NOW)
    assert pauses[:3] == [PAUSE_MS_MIN, 2 * PAUSE_MS_MIN, 4 * PAUSE_MS_MIN]
    assert pauses[-1] == PAUSE_MS_MAX
    assert not window.room(NOW)
    assert window.room(NOW + PAUSE_MS_MAX)
    window.on_fulfilled(1)
    congest(window, 12)
    assert window.paused_until_ms - NOW == PAUSE_MS_MIN


def test_without_illiquidity_only_the_packet_limits_the_amount() -> None:
    window = CongestionWindow()
    assert window.amount_room(None) is None
    assert window.amount_room(70) == 70
    assert window.amount_max is None


def test_illiquidity_halves_what_may_be_in_flight_and_pauses_shortly() -> None:
    window = CongestionWindow()
    for _ in range(10):
        window.on_sent(100)
    window.on_illiquid(sequence=0, sequence_next=10, now_ms=NOW)
    assert window.amount_max == 500
    window.on_illiquid(sequence=1, sequence_next=10, now_ms=NOW)
    assert window.amount_max == 500
    assert window.packets_max == WINDOW_PACKETS_START
    assert window.paused_until_ms - NOW == PAUSE_MS_MIN
    window.on_illiquid(sequence=10, sequence_next=11, now_ms=NOW)
    assert window.paused_until_ms - NOW == PAUSE_MS_MIN


def test_the_amount_window_never_closes_and_then_waits_longer() -> None:
    window = CongestionWindow()
    window.on_sent(1)
    pauses = []
    for sequence in range(3):
        window.on_illiquid(sequence=sequence, sequence_next=sequence + 1, now_ms=NOW)
        pauses.append(window.paused_until_ms - NOW)
    assert window.amount_max == 1
    assert pauses == [PAUSE_MS_MIN, 2 * PAUSE_MS_MIN, 4 * PAUSE_MS_MIN]


def test_fulfils_widen_the_amount_window() -> None:
    window = CongestionWindow()
    window.on_sent(800)
    window.on_illiquid(sequence=0, sequence_next=1, now_ms=NOW)
    window.on_fulfilled(400)
    assert window.amount_max == 400 + 400 // AMOUNT_GROWTH_DIVISOR
    window.on_fulfilled(1)
    assert window.amount_max == 501


@pytest.mark.parametrize(
    ("in_flight", "packet_max", "room"),
    [(0, None, 400), (0, 50, 50), (250, None, 150), (350, None, 0), (400, 10, 0), (900, 10, 0)],
)
def test_a_last_bit_of_room_is_not_used(in_flight: int, packet_max: int | None, room: int) -> None:
    window = CongestionWindow()
    window.on_sent(800)
    window.on_illiquid(sequence=0, sequence_next=1, now_ms=NOW)
    window.on_answered(800)
    if in_flight:
        window.on_sent(in_flight)
    assert window.amount_room(packet_max) == room
