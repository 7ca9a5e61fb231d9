"""What must be true once nothing moves any more.

A packet whose outcome nobody learned is listed as unknown with its peer, for people to decide. So
where books differ, exactly packets that are listed must explain it, to the unit.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import UUID

from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import TransferKind
from services.backend.ledger.rules.chart import TransferCode
from services.backend.ledger.rules.packets import post_id, resolution_id
from services.backend.outgoing_payments.model import OutgoingPayment, State
from tests.simulation.node import PEER_FUNDS, Node

if TYPE_CHECKING:
    from tests.simulation.simulation import Paid

SUMS_MAX = 100_000


def is_quiet(nodes: Iterable[Node]) -> bool:
    """Whether every payment ended and was told, and nothing is reserved."""
    return all(
        not any(each.due_at for each in node.rows.payments.values()) and not _reserved(node)
        for node in nodes
    )


def broken(nodes: list[Node], paid: "list[Paid]") -> list[str]:
    """What is not as it must be, in words."""
    found: list[str] = []
    for node in nodes:
        found += _ledger(node)
        found += _unposted(node)
        for payment in node.rows.payments.values():
            found += _payment(node, payment)
    for left, right in pairwise(nodes):
        found += _positions(left, right)
    return found + list(_receivers(paid))


def _unposted(node: Node) -> Iterator[str]:
    transfers = node.engine.books.transfers
    for packet_id, process in node.fulfilled:
        ends = (
            post_id(packet_id),
            resolution_id(packet_id),
            derive_id("packet paid again", packet_id),
        )
        if process.alive and not any(each in transfers for each in ends):
            yield f"n{node.place}: packet {UUID(int=packet_id)} was fulfilled, and not posted"


def _reserved(node: Node) -> list[int]:
    accounts = node.engine.books.accounts.values()
    return [each.id for each in accounts if each.debits_pending or each.credits_pending]


def _ledger(node: Node) -> Iterator[str]:
    accounts = node.engine.books.accounts.values()
    if sum(each.credits_posted - each.debits_posted for each in accounts):
        yield f"n{node.place}: debits and credits differ"
    for account_id in _reserved(node):
        yield f"n{node.place}: a reservation is left on account {UUID(int=account_id)}"
    for peer in node.snapshot.peers:
        account = node.engine.books.accounts[peer.int]
        if account.credits_posted < account.debits_posted:
            yield f"n{node.place}: a peer spent more than it had"


def _payment(node: Node, payment: OutgoingPayment) -> Iterator[str]:
    name = f"n{node.place}: payment {payment.id}"
    if payment.state is State.SENDING:
        yield f"{name} did not end"
        return
    sent = _sent(node, payment.id)
    if payment.sent_amount != sent:
        yield f"{name} says it sent {payment.sent_amount}, its account says {sent}"
    if sent > payment.quote.source_amount:
        yield f"{name} sent {sent} of at most {payment.quote.source_amount}"
    told = [each for each in node.rows.told if each.resource_id == payment.id]
    ends = {each.type for each in told}
    if len(ends) != 1:
        yield f"{name} told of {len(ends)} ends"
    balances = sum(int(each.data["balance"]) for each in told)
    left = payment.quote.debit_amount - sent
    if balances > max(left, int(told[0].data["balance"]) if told else 0):
        yield f"{name} told of {balances} to withdraw, and {left} are there"


def _sent(node: Node, payment_id: UUID) -> int:
    account = node.engine.books.accounts[payment_id.int]
    back = sum(
        each.amount
        for each in node.engine.books.transfers.values()
        if each.credit_account_id == account.id
        and each.code != TransferCode.DEPOSIT
        and each.kind in {TransferKind.SINGLE, TransferKind.POST}
    )
    return int(account.debits_posted - back)


def _positions(left: Node, right: Node) -> Iterator[str]:
    ours, theirs = _position(left, right.place), _position(right, left.place)
    unknown = _unknown(left, right.place) + _unknown(right, left.place)
    # A packet that tests a path is void to whoever made it; the hops after it can't know that.
    unknown += _taken(left, right.place) + _taken(right, left.place)
    if -(ours + theirs) not in _sums(unknown):
        yield (
            f"n{left.place} owes n{right.place} {ours} and is owed {-theirs}; "
            f"unknown packets of {unknown} do not explain it"
        )


def _position(node: Node, place: int) -> int:
    account = node.engine.books.accounts[node.peer_at(place).peer.id.int]
    return int(account.credits_posted - account.debits_posted - PEER_FUNDS)


def _unknown(node: Node, place: int, payments: set[UUID | None] | None = None) -> list[int]:
    """Amounts of packets to a peer whose fate is still open, of all payments or of some."""
    books, peer = node.engine.books, node.peer_at(place).peer.id.int
    return [
        entry.amount
        for entry in node.rows.entries.values()
        if resolution_id(entry.packet_id.int) not in books.transfers
        and _goes_to(node, entry.packet_id.int, peer)
        and (payments is None or entry.payment_id in payments)
    ]


def _taken(node: Node, place: int) -> list[int]:
    """Amounts of packets from a peer whose fate is still open."""
    books, peer = node.engine.books, node.peer_at(place).peer.id.int
    return [
        entry.amount
        for entry in node.rows.entries.values()
        if resolution_id(entry.packet_id.int) not in books.transfers
        and books.transfers[entry.packet_id.int].debit_account_id == peer
    ]


def _goes_to(node: Node, packet_id: int, peer: int) -> bool:
    return bool(node.engine.books.transfers[packet_id].credit_account_id == peer)


def _sums(amounts: Iterable[int]) -> set[int]:
    sums = {0}
    for amount in amounts:
        sums |= {each + amount for each in sums}
        assert len(sums) < SUMS_MAX, "too many unknown packets to tell"
    return sums


def _receivers(paid: "list[Paid]") -> Iterator[str]:
    for each in paid:
        name = f"n{each.target.place}: receiver {each.payable.id}"
        received = each.target.received(each.payable)
        limit = each.payable.incoming_amount
        if limit is not None and received > limit:
            yield f"{name} got {received} of at most {limit}"
        promised, sent, unknown, within = 0, 0, list[int](), False
        for payer, payment_id in each.payers:
            payment = payer.rows.payments[payment_id]
            promised += payment.quote.receive_amount.value
            sent += _sent(payer, payment_id)
            within |= payer is each.target
            for place in payer.neighbours:
                unknown += _unknown(payer, place, {payment_id})
        if received > promised:
            yield f"{name} got {received}, promised were {promised}"
        # What a full receiver does not take, and what a transfer within a node keeps, is surplus.
        surplus = within or received == limit
        if not surplus and sent - received not in _sums(unknown):
            yield f"{name} got {received}, sent were {sent}, of which unknown {unknown}"
        if len(each.payers) == 1:
            yield from _agreement(each, received)


def _agreement(each: "Paid", received: int) -> Iterator[str]:
    (payer, payment_id), *_ = each.payers
    payment = payer.rows.payments[payment_id]
    promised = payment.quote.receive_amount.value
    if payment.state is State.COMPLETED and received < promised:
        yield f"payment {payment_id} completed, and {received} of {promised} arrived"
    if payment.state is State.FAILED and received >= promised:
        yield f"payment {payment_id} failed ({payment.error}), and all of {promised} arrived"
