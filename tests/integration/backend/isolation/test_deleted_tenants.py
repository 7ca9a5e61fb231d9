"""What becomes of payments under way, and of calls, when a tenant is deleted."""

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from rafiki.admin.v1 import (
    liquidity_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    tenant_service_pb2,
)
from rafiki.openpayments.v1 import outgoing_payment_service_pb2
from servicekit.errors import InvalidArgument, NotFound

from services.backend.outgoing_payments.attempt import Failure
from tests.integration.backend.isolation.belongings import MONEY, Belongings, Tenant
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, key

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
FUNDING = payment_service_pb2.OUTGOING_PAYMENT_STATE_FUNDING
SENDING = payment_service_pb2.OUTGOING_PAYMENT_STATE_SENDING
FAILED = payment_service_pb2.OUTGOING_PAYMENT_STATE_FAILED


@dataclass
class Town:
    """A node with tenants, and another bank."""

    node: Node
    far: Node
    receiver: str
    """An incoming payment at the other bank."""

    async def tenant(self) -> Belongings:
        return (await Tenant.new(self.node, self.node.channel)).belongings()

    async def delete(self, tenant: Belongings) -> None:
        await self.node.tenants.DeleteTenant(
            tenant_service_pb2.DeleteTenantRequest(id=tenant.tenant.id, idempotency_key=key())
        )

    async def pay(self, payer: Belongings, receiver: str) -> str:
        """The id of a payment that waits for its money."""
        quote = await self.node.payments.CreateQuote(
            payment_service_pb2.CreateQuoteRequest(
                tenant_id=payer.tenant.id,
                wallet_address_id=await payer.get("wallet"),
                receiver=receiver,
                receive_amount=amount(MONEY),
                idempotency_key=key(),
            )
        )
        request = payment_service_pb2.CreateOutgoingPaymentRequest(
            tenant_id=payer.tenant.id,
            wallet_address_id=await payer.get("wallet"),
            quote_id=quote.id,
            idempotency_key=key(),
        )
        return str((await self.node.payments.CreateOutgoingPayment(request)).id)

    async def fund(self, payment: str) -> None:
        await self.node.liquidity.DepositOutgoingPaymentLiquidity(
            liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
                outgoing_payment_id=payment, idempotency_key=key()
            )
        )

    async def shown(self, payment: str) -> Any:
        """A payment as the operator sees it."""
        return await self.node.payments.GetOutgoingPayment(
            payment_service_pb2.GetOutgoingPaymentRequest(id=payment)
        )

    async def hurried(self, payment: str) -> Any:
        """The same, a second later each time."""
        self.node.clock.jump(1)
        return await self.shown(payment)

    async def ended(self, payment: str) -> Any:
        """A payment once it has ended, with the waits between its attempts cut short."""
        return await eventually(
            lambda: self.hurried(payment), lambda now: now.state not in {FUNDING, SENDING}
        )

    async def withdrawn(self, payment: str) -> int:
        """What the operator can withdraw of a payment."""
        request = liquidity_service_pb2.WithdrawOutgoingPaymentRequest(
            outgoing_payment_id=payment, idempotency_key=key()
        )
        return int((await self.node.liquidity.WithdrawOutgoingPayment(request)).amount)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(new_node_of_module: NewNode) -> Town:
    near, far = await new_node_of_module("near"), await new_node_of_module("far")
    wallet = await far.wallet(await far.asset())
    return Town(near, far, (await far.incoming(wallet, amount(MONEY))).id)


@pytest_asyncio.fixture(loop_scope="module")
async def payer(town: Town) -> Belongings:
    """A tenant with a peer that never answers."""
    payer = await town.tenant()
    asset = await payer._message("main_asset")
    await town.node.peers.CreatePeer(
        peer_service_pb2.CreatePeerRequest(
            tenant_id=payer.tenant.id,
            asset_id=asset.id,
            static_ilp_address=town.far.settings.ilp_address,
            outgoing=peer_service_pb2.PeerHttpOutgoing(
                endpoint="http://127.0.0.1:1/ilp", auth_token="theirs"
            ),
            idempotency_key=key(),
        )
    )
    return payer


async def test_a_payment_that_is_being_sent_ends_and_the_operator_has_its_money(
    town: Town, payer: Belongings
) -> None:
    payment = await town.pay(payer, town.receiver)
    await town.fund(payment)
    tried = await eventually(lambda: town.hurried(payment), lambda now: now.state_attempts > 0)
    assert tried.state == SENDING
    await town.delete(payer)
    ended = await town.ended(payment)
    assert (ended.state, ended.error) == (FAILED, Failure.TENANT_DELETED)
    assert ended.sent_amount.value == 0
    assert await town.withdrawn(payment) == ended.debit_amount.value
    await town.node.audit()


async def test_a_payment_that_is_funded_as_its_tenant_goes_strands_no_money(
    town: Town, payer: Belongings
) -> None:
    payment = await town.pay(payer, town.receiver)
    await town.delete(payer)
    await town.fund(payment)
    ended = await town.ended(payment)
    assert (ended.state, ended.error) == (FAILED, Failure.TENANT_DELETED)
    assert await town.withdrawn(payment) == ended.debit_amount.value


async def test_nobody_pays_a_deleted_tenant(town: Town, payer: Belongings) -> None:
    payee = await town.tenant()
    receiver = await payee.get("receiver")
    accepted = await town.pay(payer, receiver)
    await town.delete(payee)
    with pytest.raises(InvalidArgument) as refused:
        await town.pay(payer, receiver)
    assert refused.value.reason == "INVALID_RECEIVER"
    find = payment_service_pb2.GetReceiverRequest(url=receiver)
    with pytest.raises(NotFound):
        await town.node.payments.GetReceiver(find)
    await town.fund(accepted)
    ended = await town.ended(accepted)
    assert ended.state == FAILED
    assert "receiver" in ended.error
    assert await town.withdrawn(accepted) == MONEY
    assert await town.node.balance(await payee.get("incoming")) == 0


async def test_calls_for_a_deleted_tenant_end_at_every_worker_at_once(
    town: Town, new_node_of_module: NewNode
) -> None:
    beside = await new_node_of_module("near", beside=town.node)
    tenant = await town.tenant()
    wallet = await tenant.get("wallet_url")
    listing = outgoing_payment_service_pb2.ListOutgoingPaymentsRequest(
        tenant_id=tenant.tenant.id, wallet_address=wallet
    )
    workers = [town.node, beside]
    for worker in workers:
        await worker.outgoing_payments.ListOutgoingPayments(listing)
    await town.delete(tenant)
    for worker in workers:
        with pytest.raises(NotFound) as gone:
            await worker.outgoing_payments.ListOutgoingPayments(listing)
        assert gone.value.reason == "UNKNOWN_TENANT"
