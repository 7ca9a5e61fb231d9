"""What creating a quote and a payment writes goes to Postgres in one statement each."""

from typing import Any

import pytest
from rafiki.admin.v1 import payment_service_pb2 as admin

from tests.integration.backend.payments.conftest import Banks
from tests.integration.backend.payments.node import amount, key

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def quote(banks: Banks) -> Any:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    request = admin.CreateQuoteRequest(
        wallet_address_id=banks.alice.id, receiver=incoming.id, idempotency_key=key()
    )
    return await banks.near.payments.CreateQuote(request)


async def test_a_quote_is_written_with_its_key(banks: Banks) -> None:
    with banks.near.features.database.count_statements() as statements:
        await quote(banks)
    (written,) = [text for text in statements if "INSERT INTO quotes" in text]
    assert "INSERT INTO idempotency_keys" in written


async def test_a_payment_is_written_with_its_event_its_delivery_and_its_key(banks: Banks) -> None:
    given = await quote(banks)
    request = admin.CreateOutgoingPaymentRequest(
        wallet_address_id=banks.alice.id, quote_id=given.id, idempotency_key=key()
    )
    with banks.near.features.database.count_statements() as statements:
        await banks.near.payments.CreateOutgoingPayment(request)
    (written,) = [text for text in statements if "INSERT INTO outgoing_payments" in text]
    for table in ("webhook_events", "webhook_deliveries", "idempotency_keys"):
        assert f"INSERT INTO {table}" in written


async def test_a_payment_without_a_quote_writes_its_quote_along(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    request = admin.CreateOutgoingPaymentFromIncomingPaymentRequest(
        wallet_address_id=banks.alice.id,
        incoming_payment=incoming.id,
        debit_amount=amount(506),
        idempotency_key=key(),
    )
    with banks.near.features.database.count_statements() as statements:
        await banks.near.payments.CreateOutgoingPaymentFromIncomingPayment(request)
    (written,) = [text for text in statements if "INSERT INTO outgoing_payments" in text]
    assert "INSERT INTO quotes" in written
