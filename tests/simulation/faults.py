"""Faults that a simulation must find: each puts one wrong thing in the place of a right one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any, Final
from unittest.mock import patch

from services.backend.connector.settlement import Settlement
from services.backend.connector.steps import stream_receive
from services.backend.connector.steps.balance import Balance
from services.backend.ledger.rules import accounting
from services.backend.ledger.rules.accounting import Plan
from services.backend.ledger.rules.packets import PacketMoney
from services.backend.outgoing_payments import attempt, paying, worker
from services.backend.outgoing_payments.abandoned import AbandonedPackets
from services.backend.outgoing_payments.books import UNTOUCHED, OutgoingBooks
from services.backend.outgoing_payments.commands import record_attempt
from services.backend.outgoing_payments.commands.record_attempt import RecordAttempt
from services.backend.unknown_packets.entries import Entries
from tests.simulation import store

_Patches = list[tuple[Any, str, Any]]


def _void_on_timeout() -> _Patches:
    def ask_on(self: Any, context: object, forward: object, money: PacketMoney) -> None:
        del context, forward
        self._settlement.release(money)

    return [(Balance, "_ask_on", ask_on)]


def _credit_each_copy() -> _Patches:
    numbers = count(1 << 100)
    return [(stream_receive, "_transfer_id", lambda *_: next(numbers))]


def _forget_request_ids() -> _Patches:
    return [(Balance, "_packet_id", lambda self, _: self._ids.uuid().int)]


def _fulfil_unposted() -> _Patches:
    async def pay(self: object, money: PacketMoney, *, until_ms: int) -> bool:
        del self, money, until_ms
        return True

    return [(Settlement, "pay", pay)]


def _post_rejected() -> _Patches:
    return [(PacketMoney, "voiding", PacketMoney.posting)]


def _never_release() -> _Patches:
    return [(Settlement, "release", lambda self, money: None)]


def _give_unknown_back() -> _Patches:
    right = PacketMoney.entering

    def entering(self: PacketMoney) -> Plan:
        plan = right(self)
        return Plan(plan.chain[:-1], plan.meanings[:-1])

    return [(PacketMoney, "entering", entering)]


def _never_enter() -> _Patches:
    async def enter(self: object, *given: object, **more: object) -> int:
        del self, given, more
        return 0

    return [(AbandonedPackets, "enter", enter), (Entries, "enter", enter)]


def _ignore_allowance() -> _Patches:
    right = accounting.transfer

    def transfer(**given: Any) -> Plan:
        return right(**{**given, "allowance_account_id": None})

    return [(stream_receive, "transfer", transfer)]


def _forget_attempts() -> _Patches:
    async def standing(self: object, payment_id: object, *, history: bool) -> object:
        del self, payment_id, history
        return UNTOUCHED

    return [(OutgoingBooks, "standing", standing)]


def _pay_all_again() -> _Patches:
    def all_of_it(payment: Any, standing: Any, **_: Any) -> Any:
        quote = payment.quote
        return attempt.Remaining(
            deliver=quote.receive_amount.value,
            source_max=quote.source_amount,
            delivered=0,
            sent=standing.sent,
        )

    return [(paying, "remaining", all_of_it), (worker, "remaining", all_of_it)]


def _end_while_pending() -> _Patches:
    right = attempt.settle

    def settle(result: Any, **given: Any) -> Any:
        return right(result, **{**given, "pending": 0})

    return [(record_attempt, "settle", settle)]


def _count_what_ledger_counts() -> _Patches:
    right = RecordAttempt.read

    async def read(self: Any, given: Any) -> Any:
        facts = await right(self, given)
        if isinstance(given.result, attempt.TryAgain) and given.result.delivered is not None:
            standing = await self._books.standing(given.payment.id, history=True)
            sent = max(standing.sent - standing.unknown, given.result.sent)
            facts = replace(facts, payment=replace(facts.payment, sent_amount=sent))
        return facts

    return [(RecordAttempt, "read", read)]


def _tell_twice() -> _Patches:
    right = store.Told.write

    async def write(self: store.Told, session: Any, *happenings: Any) -> None:
        await right(self, session, *happenings, *happenings)

    return [(store.Told, "write", write)]


FAULTS: Final[dict[str, Callable[[], _Patches]]] = {
    "void on timeout": _void_on_timeout,
    "credit each copy": _credit_each_copy,
    "forget request ids": _forget_request_ids,
    "fulfil unposted": _fulfil_unposted,
    "post what was rejected": _post_rejected,
    "never release": _never_release,
    "give unknown back": _give_unknown_back,
    "never enter unknown": _never_enter,
    "ignore the allowance": _ignore_allowance,
    "forget earlier attempts": _forget_attempts,
    "pay all again": _pay_all_again,
    "end while packets fly": _end_while_pending,
    "record what was sent later": _count_what_ledger_counts,
    "tell of money twice": _tell_twice,
}


@contextmanager
def fault(name: str) -> Iterator[None]:
    """While the block runs, this is wrong."""
    patches = [patch.object(*each) for each in FAULTS[name]()]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
