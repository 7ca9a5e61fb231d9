"""How much may be in flight: a window in packets and one in amount, and a pause after congestion.

Rules of this file:
- Packets: the window grows by one for each fulfil up to a threshold, then by one for each window
  of fulfils.
- Amount: unlimited until a connector lacks liquidity (T04); then half of what was in flight,
  growing again with each fulfil.
- One round of packets shrinks a window once: only a packet sent after the last cut can cut again.
- Each cut is followed by a pause, doubling until something is fulfilled; the shortest again where
  a smaller amount was the remedy.

| reply                    | packets window | amount window     | pause      |
|--------------------------|----------------|-------------------|------------|
| fulfil                   | grows          | grows if limited  | forgotten  |
| T04                      | as it is       | half of in flight | shortest   |
| any other T, R00, silence| halves         | as it is          | doubles    |

Everything else says nothing about congestion. Source: RFC 0027 (error codes), RFC 0029 section 5.3.
"""

from typing import Final, final

WINDOW_PACKETS_START: Final = 16
WINDOW_PACKETS_MAX: Final = 256
"""Bounds the memory of a payment and what it may ask of a path at once."""
AMOUNT_GROWTH_DIVISOR: Final = 4
"""A whole window fulfilled widens the amount window by a quarter."""
ROOM_DIVISOR: Final = 4
"""While something is in flight, less than a quarter of the amount window isn't worth a packet."""
PAUSE_MS_MIN: Final = 20
PAUSE_MS_MAX: Final = 2_000
PAUSE_DOUBLINGS_MAX: Final = 7

# The doublings reach the longest pause.
assert PAUSE_MS_MIN << PAUSE_DOUBLINGS_MAX >= PAUSE_MS_MAX


@final
class CongestionWindow:
    """Decides whether another packet may leave now. Amounts in source units, times in ms."""

    __slots__ = (
        "_amount_max",
        "_cut_sequence",
        "_cuts_in_a_row",
        "_growth",
        "_packets_limit",
        "_packets_max",
        "_threshold",
        "amount_in_flight",
        "packets_in_flight",
        "paused_until_ms",
    )

    def __init__(self, *, packets_max: int = WINDOW_PACKETS_MAX) -> None:
        self.packets_in_flight = 0
        self.amount_in_flight = 0
        self.paused_until_ms = 0
        self._packets_limit = packets_max
        self._packets_max = min(WINDOW_PACKETS_START, packets_max)
        self._threshold = packets_max
        self._growth = 0
        self._amount_max: int | None = None
        self._cut_sequence = -1
        self._cuts_in_a_row = 0

    @property
    def packets_max(self) -> int:
        """How many packets may be in flight at this moment."""
        return self._packets_max

    @property
    def amount_max(self) -> int | None:
        """How much may be in flight at this moment; None while no connector lacked liquidity."""
        return self._amount_max

    def room(self, now_ms: int) -> bool:
        """Whether one more packet may leave at this moment, of an amount within `amount_room`."""
        return self.packets_in_flight < self._packets_max and now_ms >= self.paused_until_ms

    def amount_room(self, packet_max: int | None) -> int | None:
        """How much the next packet may carry, at most `packet_max`; None where nothing limits it.

        Zero means to wait: a packet that fills a last bit of room would lose much to rounding.
        """
        if self._amount_max is None:
            return packet_max
        room = self._amount_max - self.amount_in_flight
        if self.packets_in_flight and room * ROOM_DIVISOR < self._amount_max:
            return 0
        return room if packet_max is None else min(room, packet_max)

    def on_sent(self, amount: int) -> None:
        """A packet left."""
        self.packets_in_flight += 1
        self.amount_in_flight += amount

    def on_answered(self, amount: int) -> None:
        """A packet is no longer in flight, whatever the reason; its method comes before this."""
        self.packets_in_flight -= 1
        self.amount_in_flight -= amount

    def on_fulfilled(self, amount: int) -> None:
        """The path carried a packet: widen."""
        self._cuts_in_a_row = 0
        if self._packets_max < self._threshold:
            self._packets_max += 1
        elif self._packets_max < self._packets_limit:
            self._growth += 1
            if self._growth >= self._packets_max:
                self._growth = 0
                self._packets_max += 1
        if self._amount_max is not None:
            self._amount_max += max(1, amount // AMOUNT_GROWTH_DIVISOR)

    def on_congested(self, *, sequence: int, sequence_next: int, now_ms: int) -> None:
        """The path is too busy: a T code other than T04, R00, or no answer at all.

        Args:
            sequence: of the packet that was refused.
            sequence_next: of the packet that will be sent next; earlier ones can't cut again.
            now_ms: the present.
        """
        if sequence <= self._cut_sequence:
            return
        self._packets_max = max(1, self._packets_max // 2)
        self._threshold = self._packets_max
        self._growth = 0
        self._end_round(sequence_next=sequence_next, now_ms=now_ms)

    def on_illiquid(self, *, sequence: int, sequence_next: int, now_ms: int) -> None:
        """A connector lacked liquidity (T04); arguments as for `on_congested`."""
        if sequence <= self._cut_sequence:
            return
        self._amount_max = max(1, self.amount_in_flight // 2)
        # Less in flight is the remedy: waiting longer each time helps only once there is no less.
        if self._amount_max > 1:
            self._cuts_in_a_row = 0
        self._end_round(sequence_next=sequence_next, now_ms=now_ms)

    def pause(self, now_ms: int, *, times_before: int) -> None:
        """Send nothing for a while that doubles with each time before."""
        doublings = min(times_before, PAUSE_DOUBLINGS_MAX)
        self.paused_until_ms = now_ms + min(PAUSE_MS_MIN << doublings, PAUSE_MS_MAX)

    def _end_round(self, *, sequence_next: int, now_ms: int) -> None:
        self.pause(now_ms, times_before=self._cuts_in_a_row)
        self._cuts_in_a_row += 1
        self._cut_sequence = sequence_next - 1
