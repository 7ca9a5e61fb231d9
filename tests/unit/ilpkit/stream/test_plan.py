"""The division of a payment into packets, one decision at a time."""

from ilpkit.money import Ratio
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery, FixedSend, PacketKind, PaymentPlan, PlannedPacket
from ilpkit.stream.rate import RateBounds

HALF = Ratio(1, 2)
ONE = Ratio(1, 1)


def planned(plan: PaymentPlan, limit: int | None = None) -> PlannedPacket:
    packet = plan.next_packet(limit)
    assert isinstance(packet, PlannedPacket)
    return packet


def test_the_last_packet_of_a_fixed_send_may_lose_a_unit_and_only_it() -> None:
    plan = PaymentPlan(FixedSend(25, ONE), RateBounds())
    first = planned(plan, 10)
    assert (first.amount, first.minimum, first.corrected) == (10, 10, False)
    plan.on_sent(first)
    plan.on_sent(planned(plan, 10))
    last = planned(plan, 10)
    assert (last.amount, last.minimum, last.corrected) == (5, 4, True)


def test_while_one_packet_may_lose_a_unit_no_other_may() -> None:
    plan = PaymentPlan(FixedSend(20, ONE), RateBounds())
    first = planned(plan, 10)
    plan.on_sent(first)
    last = planned(plan, 10)
    plan.on_sent(last)
    assert plan.next_packet(10) is None
    plan.on_rejected(first, unresolved=False)
    again = planned(plan, 10)
    assert (again.minimum, again.corrected) == (10, False)
    plan.on_rejected(last, unresolved=False)
    both = planned(plan, None)
    assert (both.amount, both.minimum, both.corrected) == (20, 19, True)


def test_a_packet_like_the_last_one_is_planned_anew_once_the_rate_is_known_better() -> None:
    bounds = RateBounds()
    plan = PaymentPlan(FixedSend(1_000, HALF), bounds)
    first = planned(plan, 10)
    assert planned(plan, 10) is first
    bounds.observe(source=10, received=7)
    assert planned(plan, 10).most == 7


def test_where_rounding_makes_a_minimum_impossible_a_smaller_packet_is_sent() -> None:
    # 4 units deliver one, but must deliver two; 3 units deliver one, and must deliver one.
    bounds = RateBounds.exact(Ratio(2, 5))
    plan = PaymentPlan(FixedSend(100, Ratio(3, 10)), bounds)
    assert (planned(plan, 4).amount, planned(plan, 4).minimum) == (3, 1)


def test_a_path_whose_packets_are_too_small_for_the_rate_is_given_up() -> None:
    plan = PaymentPlan(FixedSend(100, Ratio(3, 10)), RateBounds.exact(Ratio(2, 5)))
    assert plan.next_packet(2) is EndReason.INSUFFICIENT_EXCHANGE_RATE


def test_a_rest_too_small_for_its_minimum_uses_what_earlier_packets_did_better() -> None:
    bounds = RateBounds.exact(Ratio(1, 100))
    rest = PaymentPlan(FixedSend(350, Ratio(9, 1_000)), bounds)
    head = PlannedPacket(PacketKind.MONEY, 310, 3, 4, corrected=True, sure=False)
    rest.on_sent(head)
    assert rest.next_packet(None) is None, "what the head delivers decides"
    rest.on_fulfilled(head, received=4, unresolved=False)
    last = planned(rest)
    assert (last.amount, last.minimum, last.corrected) == (40, 0, False)


def test_a_rest_that_the_whole_payment_needs_more_of_is_not_let_off() -> None:
    bounds = RateBounds.exact(Ratio(1, 100))
    plan = PaymentPlan(FixedSend(350, Ratio(9, 1_000)), bounds)
    head = PlannedPacket(PacketKind.MONEY, 310, 3, 3, corrected=True, sure=True)
    plan.on_sent(head)
    plan.on_fulfilled(head, received=3, unresolved=False)
    assert plan.next_packet(None) is EndReason.INSUFFICIENT_EXCHANGE_RATE


def test_a_fixed_delivery_learns_once_at_a_time_and_for_no_money() -> None:
    plan = PaymentPlan(FixedDelivery(100, 250, HALF), RateBounds())
    learning = planned(plan)
    assert (learning.kind, learning.amount, learning.minimum) == (PacketKind.LEARNING, 200, 0)
    plan.on_sent(learning)
    assert plan.next_packet(None) is None
    assert plan.source_available == 250
    plan.on_rejected(learning, unresolved=False)
    assert planned(plan, 30).amount == 30


def test_a_fixed_delivery_waits_for_what_may_still_arrive() -> None:
    plan = PaymentPlan(FixedDelivery(100, 250, HALF), RateBounds.exact(ONE))
    packet = planned(plan)
    assert (packet.amount, packet.corrected) == (100, True)
    plan.on_sent(packet)
    assert plan.next_packet(None) is None
    plan.on_fulfilled(packet, received=100, unresolved=False)
    assert plan.reached


def test_vague_bounds_are_narrowed_before_the_rest_is_sent() -> None:
    bounds = RateBounds(low=Ratio(90, 100), high=Ratio(110, 100))
    plan = PaymentPlan(FixedDelivery(1_000, 2_000, HALF), bounds)
    careful = planned(plan)
    assert careful.amount == 910  # 1001 / 1.1: can't deliver more than 1000
    assert not careful.corrected


def test_more_rather_than_less_is_delivered_where_a_unit_is_worth_several() -> None:
    plan = PaymentPlan(FixedDelivery(150, 10, Ratio(99, 1)), RateBounds.exact(Ratio(100, 1)))
    first = planned(plan)
    assert first.amount == 1
    plan.on_sent(first)
    plan.on_fulfilled(first, received=100, unresolved=False)
    assert planned(plan).amount == 1


def test_a_path_that_delivered_nothing_is_an_insufficient_rate() -> None:
    bounds = RateBounds()
    bounds.observe(source=3, received=0)
    plan = PaymentPlan(FixedDelivery(10, 100, Ratio(1, 10)), bounds)
    assert plan.next_packet(None) is EndReason.INSUFFICIENT_EXCHANGE_RATE


def test_what_is_unresolved_is_neither_available_nor_sent() -> None:
    plan = PaymentPlan(FixedSend(100), RateBounds())
    packet = planned(plan, 40)
    plan.on_sent(packet)
    plan.on_unresolved(packet)
    assert (plan.source_available, plan.source_unresolved, plan.source_in_flight) == (60, 40, 0)
    plan.on_fulfilled(packet, received=40, unresolved=True)
    assert (plan.source_available, plan.source_unresolved, plan.source_sent) == (60, 0, 40)


def test_a_receivers_room_limits_a_fixed_send() -> None:
    plan = PaymentPlan(FixedSend(100), RateBounds.exact(ONE))
    plan.receive_max = 30
    packet = planned(plan)
    assert packet.amount == 30
    plan.on_sent(packet)
    assert plan.next_packet(None) is None
    plan.on_fulfilled(packet, received=30, unresolved=False)
    assert plan.next_packet(None) is EndReason.RECEIVER_FULL
