"""What a quote keeps of its receiver can be read by the node alone, and wholly."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from ilpkit.money import Amount, Asset

from services.backend.receivers.model import IlpMethod, Receiver
from services.backend.receivers.sealed import ReceiverSeal
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds

EUR = Asset("EUR", 2)
SECRET = b"s" * 32
RECEIVER = Receiver(
    url="https://bank.test/incoming-payments/1",
    wallet_address="https://bank.test/bob",
    asset=EUR,
    incoming_amount=Amount(500, EUR),
    received_amount=Amount(20, EUR),
    completed=False,
    expires_at=datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
    created_at=datetime(2026, 11, 28, 9, 0, 0, 250_000, tzinfo=UTC),
    metadata=None,
    local_id=None,
    tenant_id=None,
    methods=(IlpMethod(ilp_address="test.bank.x", shared_secret=b"the shared secret"),),
)


def seal(secret: bytes = SECRET) -> ReceiverSeal:
    return ReceiverSeal(secret=secret, ids=SeededIds(ManualClock()))


@pytest.mark.parametrize(
    "receiver",
    [RECEIVER, replace(RECEIVER, incoming_amount=None, expires_at=None, methods=())],
)
def test_what_was_sealed_is_opened_as_it_was(receiver: Receiver) -> None:
    sealed = seal().close(receiver)
    assert seal().open(sealed) == receiver
    assert b"bank" not in sealed
    assert b"shared" not in sealed


def test_without_the_key_or_changed_it_is_nothing() -> None:
    sealed = seal().close(RECEIVER)
    assert seal(b"t" * 32).open(sealed) is None
    assert seal().open(sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert seal().open(b"") is None
