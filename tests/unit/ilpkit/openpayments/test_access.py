"""Access items: which granted item covers what a request needs."""

import pytest
from ilpkit.openpayments.access import (
    AccessItem,
    AskedAccess,
    IncomingPaymentAccess,
    Limits,
    OutgoingPaymentAccess,
    QuoteAccess,
    find_granting,
    grants,
)
from pydantic import ValidationError

_ALICE = "https://a.example/alice"
_BOB = "https://a.example/bob"
_LIMITS = Limits(interval="R/2026-01-01T00:00:00Z/P1M")
_OUTGOING = OutgoingPaymentAccess(
    type="outgoing-payment", actions=("create", "read-all"), identifier=_ALICE, limits=_LIMITS
)
_INCOMING = IncomingPaymentAccess(type="incoming-payment", actions=("list-all", "complete"))
_QUOTE = QuoteAccess(type="quote", actions=("create", "read"))


def _asked(kind: str, *actions: str, identifier: str | None = None) -> AskedAccess:
    return AskedAccess(
        type=kind,  # type: ignore[arg-type]  # parametrised texts
        actions=frozenset(actions),  # type: ignore[arg-type]  # parametrised texts
        identifier=identifier,
    )


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        (_OUTGOING, _asked("outgoing-payment", "create", identifier=_ALICE), True),
        (_OUTGOING, _asked("outgoing-payment", "create"), True),
        (_OUTGOING, _asked("outgoing-payment", "create", identifier=_BOB), False),
        (_OUTGOING, _asked("outgoing-payment", "read"), True),
        (_OUTGOING, _asked("outgoing-payment", "read-all"), True),
        (_OUTGOING, _asked("outgoing-payment", "create", "read"), True),
        (_OUTGOING, _asked("outgoing-payment", "create", "list"), False),
        (_OUTGOING, _asked("incoming-payment", "create"), False),
        (_INCOMING, _asked("incoming-payment", "list", identifier=_BOB), True),
        (_INCOMING, _asked("incoming-payment", "read"), False),
        (_INCOMING, _asked("incoming-payment", "create"), False),
        (_QUOTE, _asked("quote", "read", identifier=_ALICE), True),
        (_QUOTE, _asked("quote", "read-all"), False),
    ],
)
def test_coverage(granted: AccessItem, asked: AskedAccess, covered: bool) -> None:
    assert grants(granted, asked) is covered


def test_asked_limits_must_equal_the_granted_ones() -> None:
    asked = AskedAccess(type="outgoing-payment", actions=frozenset({"create"}), limits=_LIMITS)
    assert grants(_OUTGOING, asked)
    other = AskedAccess(type="outgoing-payment", actions=frozenset({"create"}), limits=Limits())
    assert not grants(_OUTGOING, other)
    quote = AskedAccess(type="quote", actions=frozenset({"read"}), limits=_LIMITS)
    assert not grants(_QUOTE, quote)


def test_the_covering_item_is_found() -> None:
    items = (_INCOMING, _QUOTE, _OUTGOING)
    assert find_granting(items, _asked("quote", "create")) is _QUOTE
    assert find_granting(items, _asked("quote", "read-all")) is None


def test_limits_take_one_amount_and_a_real_interval() -> None:
    amount = {"value": "1", "assetCode": "USD", "assetScale": 2}
    with pytest.raises(ValidationError, match="both debitAmount and receiveAmount"):
        Limits.model_validate({"debitAmount": amount, "receiveAmount": amount})
    with pytest.raises(ValidationError, match="is not R/start/duration"):
        Limits(interval="monthly")


@pytest.mark.parametrize("name", ["debitAmount", "receiveAmount"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [({"value": "0"}, "an amount of 0"), ({"assetCode": "usd"}, "asset code usd")],
)
def test_a_limit_that_nothing_could_be_paid_under_is_refused(
    name: str, changes: dict[str, str], said: str
) -> None:
    amount = {"value": "1", "assetCode": "USD", "assetScale": 2} | changes
    with pytest.raises(ValidationError, match=said):
        Limits.model_validate({name: amount})
