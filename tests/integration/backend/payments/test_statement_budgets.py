"""How many statements a payment costs: those of all processes that take part, the ledger's too.

One payment at a time; of payments at once many share a statement. What became of webhooks is left
out: it is written in one statement for all that ended together, so their number follows the clock.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import asyncpg
import pytest
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as admin
from rafiki.openpayments.v1 import incoming_payment_service_pb2

from tests.integration.backend.payments.conftest import Banks
from tests.integration.backend.payments.node import Node, amount, eventually, id_of, key

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Webhooks' outcomes, what workers and health look for by their clocks, what the driver asks once.
_BY_THE_CLOCK = (
    *("WITH outcome", "SKIP LOCKED", "RECURSIVE lanes", "SET lease_until=", "min(greatest("),
    *("SELECT incoming_payments.id FROM", "SELECT EXISTS", "DELETE FROM", "trusting_processes"),
    *("current_setting", "typeinfo"),
)


@contextmanager
def counted(*nodes: Node) -> Iterator[Counter[str]]:
    """The statements of these nodes meanwhile, by their beginning; the ledger has its own way."""
    found: Counter[str] = Counter()
    texts: list[str] = []
    execute = asyncpg.Connection._execute

    async def seen(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        texts.append(query)
        return await execute(self, query, *arguments, **options)

    with ExitStack() as stack:
        lists = [
            stack.enter_context(node.features.database.count_statements())
            for node in {id(node): node for node in nodes}.values()
        ]
        stack.enter_context(mock.patch.object(asyncpg.Connection, "_execute", seen))
        yield found
    for text in (*texts, *(text for each in lists for text in each)):
        plain = " ".join(text.split())
        if plain != "SELECT 1" and not any(mark in plain for mark in _BY_THE_CLOCK):
            found[plain[:90]] += 1


async def withdraw(node: Node, payment: Any, kind: str) -> None:
    request = getattr(liquidity_service_pb2, f"Withdraw{kind}PaymentRequest")(
        **{f"{kind.lower()}_payment_id": id_of(payment), "idempotency_key": key()}
    )
    await getattr(node.liquidity, f"Withdraw{kind}Payment")(request)


async def told(banks: Banks, payment: Any, kind: str) -> None:
    async def kinds() -> list[str]:
        return banks.outside.types_of(id_of(payment))

    await eventually(kinds, lambda found: kind in found)


async def pay(banks: Banks, payer: Node, payee: Node, wallet: Any, incoming: Any) -> None:
    """As a bank with webhooks does it: quote, payment, funds, and what is left or came in."""
    quote = await payer.payments.CreateQuote(
        admin.CreateQuoteRequest(
            wallet_address_id=wallet.id, receiver=incoming.id, idempotency_key=key()
        )
    )
    payment = await payer.payments.CreateOutgoingPayment(
        admin.CreateOutgoingPaymentRequest(
            wallet_address_id=wallet.id, quote_id=quote.id, idempotency_key=key()
        )
    )
    await told(banks, payment, "outgoing_payment.created")
    await payer.fund(payment)
    await told(banks, payment, "outgoing_payment.completed")
    await told(banks, incoming, "incoming_payment.completed")
    if banks.outside.data_of(id_of(payment))[-1]["balance"] != "0":
        await withdraw(payer, payment, "Outgoing")
    await withdraw(payee, incoming, "Incoming")


async def test_a_payment_between_two_nodes(banks: Banks) -> None:
    async def one() -> Counter[str]:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        with counted(banks.near, banks.far) as statements:
            await pay(banks, banks.near, banks.far, banks.alice, incoming)
        return statements

    await one()  # what is read once is read now
    statements = await one()
    assert sum(statements.values()) <= 20, statements.most_common()


async def test_a_payment_within_a_node(banks: Banks) -> None:
    payee = await banks.near.wallet(banks.near_asset)

    async def one() -> Counter[str]:
        incoming = await banks.near.incoming(payee, amount(500))
        with counted(banks.near) as statements:
            await pay(banks, banks.near, banks.near, banks.alice, incoming)
        return statements

    await one()
    statements = await one()
    assert sum(statements.values()) <= 17, statements.most_common()


async def test_an_incoming_payment_is_created_in_two_and_shown_in_one(banks: Banks) -> None:
    await banks.far.incoming(banks.bob, amount(500))
    with counted(banks.far) as statements:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        await told(banks, incoming, "incoming_payment.created")
    assert sum(statements.values()) <= 2, statements.most_common()
    with counted(banks.far) as statements:
        await banks.far.incoming_payments.GetIncomingPayment(
            incoming_payment_service_pb2.GetIncomingPaymentRequest(
                tenant_id=banks.far.tenant, id=id_of(incoming)
            )
        )
    assert sum(statements.values()) <= 1, statements.most_common()
