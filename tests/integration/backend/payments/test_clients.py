"""What one client may see and do of another client's payments under the guard's verdict."""

from typing import Any

import pytest
from rafiki.openpayments.v1 import incoming_payment_service_pb2 as incoming
from rafiki.openpayments.v1 import outgoing_payment_service_pb2 as outgoing
from servicekit.errors import NotFound
from servicekit.verdict import Verdict

from tests.integration.backend.payments.conftest import Banks
from tests.integration.backend.payments.node import amount, id_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS = ["https://client.test", "jwk:b25lIGtleQ", "jwk:YW5vdGhlciBrZXk"]


def asks(client: str, *, sees_all: bool = False) -> list[tuple[str, str]]:
    """The guard's verdict on a client's call."""
    verdict = Verdict(grant_id=f"grant-of-{client}", client=client, sees_all=sees_all)
    return [("x-rafiki-rest", "1"), verdict.header()]


async def test_a_client_reads_lists_and_completes_its_own_incoming_payments_only(
    banks: Banks,
) -> None:
    node = banks.near
    wallet = await node.wallet(banks.near_asset)

    async def listed(metadata: Any) -> set[str]:
        request = incoming.ListIncomingPaymentsRequest(
            tenant_id=node.tenant, wallet_address=wallet.address
        )
        found = await node.incoming_payments.ListIncomingPayments(request, metadata=metadata)
        return {payment.id for payment in found.result}

    made = {}
    for client in CLIENTS:
        request = incoming.CreateIncomingPaymentRequest(
            tenant_id=node.tenant, wallet_address=wallet.address, incoming_amount=amount(10)
        )
        made[client] = await node.incoming_payments.CreateIncomingPayment(
            request, metadata=asks(client)
        )
    for client in CLIENTS:
        assert await listed(asks(client)) == {made[client].id}
        assert await listed(asks(client, sees_all=True)) == {p.id for p in made.values()}
        for other in set(CLIENTS) - {client}:
            one = {"tenant_id": node.tenant, "id": id_of(made[other])}
            read = incoming.GetIncomingPaymentRequest(**one)
            complete = incoming.CompleteIncomingPaymentRequest(**one)
            with pytest.raises(NotFound):
                await node.incoming_payments.GetIncomingPayment(read, metadata=asks(client))
            with pytest.raises(NotFound):
                await node.incoming_payments.CompleteIncomingPayment(
                    complete, metadata=asks(client)
                )
    for client in CLIENTS:
        complete = incoming.CompleteIncomingPaymentRequest(
            tenant_id=node.tenant, id=id_of(made[client])
        )
        done = await node.incoming_payments.CompleteIncomingPayment(complete, metadata=asks(client))
        assert done.completed


async def test_a_client_reads_and_lists_its_own_outgoing_payments_only(banks: Banks) -> None:
    node = banks.near
    payer, payee = [await node.wallet(banks.near_asset) for _ in range(2)]

    async def listed(metadata: Any) -> set[str]:
        request = outgoing.ListOutgoingPaymentsRequest(
            tenant_id=node.tenant, wallet_address=payer.address
        )
        found = await node.outgoing_payments.ListOutgoingPayments(request, metadata=metadata)
        return {payment.id for payment in found.result}

    made = {}
    for client in CLIENTS:
        receiver = await node.incoming(payee, amount(10))
        quote = await node.quote(payer, receiver, metadata=asks(client))
        made[client] = await node.outgoing(payer, quote, metadata=asks(client))
    for client in CLIENTS:
        assert await listed(asks(client)) == {made[client].id}
        assert await listed(asks(client, sees_all=True)) == {p.id for p in made.values()}
        for other in set(CLIENTS) - {client}:
            read = outgoing.GetOutgoingPaymentRequest(tenant_id=node.tenant, id=id_of(made[other]))
            with pytest.raises(NotFound):
                await node.outgoing_payments.GetOutgoingPayment(read, metadata=asks(client))
