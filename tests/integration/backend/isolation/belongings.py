"""What a tenant of the walk has: one thing of each kind, made when it is first asked for.

Each method is a kind of thing and returns how a request names it.
"""

from contextlib import suppress
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from grpc.aio import Channel
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    event_service_pb2_grpc,
    liquidity_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
    tenant_service_pb2,
    unknown_packet_service_pb2,
    unknown_packet_service_pb2_grpc,
    wallet_address_service_pb2,
)
from rafiki.grant.v1 import (
    grant_admin_service_pb2,
    grant_admin_service_pb2_grpc,
    grant_service_pb2,
    grant_service_pb2_grpc,
)
from rafiki.introspection.v1 import introspection_service_pb2
from rafiki.openpayments.v1 import incoming_payment_service_pb2
from servicekit.errors import NotFound
from servicekit.hmac_signature import make_signature

from services.backend.connector.context import peer_side
from services.backend.ledger.rules.accounting import deposit
from services.backend.ledger.rules.chart import AccountCode, new_account
from services.backend.ledger.rules.packets import PacketMoney
from tests.integration.backend.payments.node import Node, amount, eventually, id_of, key

MONEY = 1_000
ASSET_CODE_LETTERS = "ABCDEFGHIJKLMNOP"
_ENDED = {
    payment_service_pb2.OUTGOING_PAYMENT_STATE_COMPLETED,
    payment_service_pb2.OUTGOING_PAYMENT_STATE_FAILED,
}


def mark() -> str:
    """A text that stands nowhere else."""
    return f"mark-{uuid4()}"


def code() -> str:
    """An asset code that no tenant has."""
    return "".join(ASSET_CODE_LETTERS[int(digit, 16)] for digit in uuid4().hex[:10])


class Tenant:
    """Who acts: the operator or another tenant, with what all its things share."""

    def __init__(self, node: Node, auth: Channel, tenant_id: str, secret: str) -> None:
        self.node = node
        self.auth = auth
        self.id = tenant_id
        self.secret = secret

    @classmethod
    async def new(cls, node: Node, auth: Channel) -> "Tenant":
        """A new tenant; each of its fields has a text of its own."""
        secret = mark()
        request = tenant_service_pb2.CreateTenantRequest(
            api_secret=secret,
            email=f"{mark()}@tenant.test",
            public_name=mark(),
            idp_consent_url=f"https://idp.test/{mark()}",
            idp_secret=mark(),
            idempotency_key=key(),
        )
        return cls(node, auth, (await node.tenants.CreateTenant(request)).id, secret)

    def belongings(self) -> "Belongings":
        """Things that nothing has been done to yet."""
        return Belongings(self)


class Belongings:
    """Things of one tenant that belong together: the quote is the wallet address's, and so on."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.node = tenant.node
        self._made: dict[str, Any] = {}

    async def get(self, kind: str) -> Any:
        """The thing of this kind; always the same."""
        if kind not in self._made:
            self._made[kind] = await getattr(self, kind)()
        return self._made[kind]

    @cached_property
    def unique(self) -> str:
        return uuid4().hex

    async def _message(self, kind: str) -> Any:
        return await self.get(f"_{kind}")

    # Assets and peers.

    async def _asset(self) -> Any:
        request = asset_service_pb2.CreateAssetRequest(
            tenant_id=self.tenant.id, code=code(), scale=2, idempotency_key=key()
        )
        made = await self.node.assets.CreateAsset(request)
        await self.node.assets.SetFee(
            asset_service_pb2.SetFeeRequest(
                tenant_id=self.tenant.id,
                asset_id=made.id,
                type=asset_service_pb2.FEE_TYPE_SENDING,
                fixed=1,
                idempotency_key=key(),
            )
        )
        return made

    async def asset(self) -> str:
        return str((await self._message("asset")).id)

    async def asset_code(self) -> str:
        return str((await self._message("asset")).code)

    async def asset_with_money(self) -> str:
        asset = str(await self.get("asset"))
        await self.deposit_to(asset)
        return asset

    async def deposit_to(self, asset_id: str, transfer_id: str | None = None) -> str:
        transfer_id = transfer_id or str(uuid4())
        request = liquidity_service_pb2.DepositAssetLiquidityRequest(
            tenant_id=self.tenant.id,
            id=transfer_id,
            asset_id=asset_id,
            amount=MONEY,
            idempotency_key=key(),
        )
        await self.node.liquidity.DepositAssetLiquidity(request)
        return transfer_id

    async def _peer(self) -> Any:
        request = peer_service_pb2.CreatePeerRequest(
            tenant_id=self.tenant.id,
            asset_id=await self.get("asset"),
            static_ilp_address=f"test.peer-{self.unique}",
            name=mark(),
            incoming_auth_tokens=[await self.get("peer_token")],
            outgoing=peer_service_pb2.PeerHttpOutgoing(
                endpoint=f"http://127.0.0.1:1/{self.unique}", auth_token=mark()
            ),
            routes=[f"test.route-{self.unique}"],
            idempotency_key=key(),
        )
        made = await self.node.peers.CreatePeer(request)
        await self.node.known(
            lambda: UUID(made.id) in self.node.features.lookups.directory.snapshot.peers
        )
        return made

    async def peer(self) -> str:
        return str((await self._message("peer")).id)

    async def peer_token(self) -> str:
        """What the peer shows with its packets."""
        return f"token-{self.unique}"

    async def peer_with_money(self) -> str:
        peer = str(await self.get("peer"))
        request = liquidity_service_pb2.DepositPeerLiquidityRequest(
            tenant_id=self.tenant.id,
            id=str(uuid4()),
            peer_id=peer,
            amount=MONEY,
            idempotency_key=key(),
        )
        await self.node.liquidity.DepositPeerLiquidity(request)
        return peer

    async def peer_address(self) -> str:
        return str((await self._message("peer")).static_ilp_address)

    async def route(self) -> str:
        """An address below one that the tenant's peer leads to."""
        return f"{(await self._message('peer')).routes[0]}.someone"

    async def unknown_packet(self) -> str:
        """An entry of a packet from the tenant's peer to its peer, which never answered."""
        features = self.node.features
        source, beside = await self.get("peer_with_money"), self.tenant.belongings()
        beside._made["_asset"] = self._made["_asset"]
        peer = await beside.get("peer")
        peers = features.lookups.directory.snapshot.peers
        money = PacketMoney(
            id=uuid4().int,
            source=peer_side(peers[UUID(source)]),
            peer=peer_side(peers[UUID(peer)]),
            source_amount=10,
            peer_amount=10,
            cause_id=UUID(source).int,
        )
        assert (await features.ledger.submit(money.reserving().chain)).ok
        reserved = await features.ledger.lookup_transfers([money.id])
        assert await features.reconciler.entries.enter(list(reserved.values())) == 1
        stub: Any = unknown_packet_service_pb2_grpc.UnknownPacketServiceStub(self.node.channel)
        listed = await stub.ListUnknownPackets(
            unknown_packet_service_pb2.ListUnknownPacketsRequest(peer_id=peer)
        )
        return str(listed.packets[0].id)

    # Wallet addresses.

    async def _main_asset(self) -> Any:
        """The asset of the wallet addresses: dollars, in which all tenants pay."""
        find = asset_service_pb2.GetAssetByCodeAndScaleRequest(
            tenant_id=self.tenant.id, code="USD", scale=2
        )
        with suppress(NotFound):
            return await self.node.assets.GetAssetByCodeAndScale(find)
        return await self.node.assets.CreateAsset(
            asset_service_pb2.CreateAssetRequest(
                tenant_id=self.tenant.id, code="USD", scale=2, idempotency_key=key()
            )
        )

    async def _wallet(self) -> Any:
        properties = [
            wallet_address_service_pb2.AdditionalProperty(key=mark(), value=mark()),
        ]
        return await self.node.wallets.CreateWalletAddress(
            wallet_address_service_pb2.CreateWalletAddressRequest(
                tenant_id=self.tenant.id,
                asset_id=(await self._message("main_asset")).id,
                address=f"wallet-{self.unique}",
                public_name=mark(),
                additional_properties=properties,
                idempotency_key=key(),
            )
        )

    async def wallet(self) -> str:
        return str((await self._message("wallet")).id)

    async def wallet_url(self) -> str:
        return str((await self._message("wallet")).address)

    async def wallet_with_money(self) -> str:
        """A wallet address that received money without a payment."""
        wallet, asset = str(await self.get("wallet")), await self._message("main_asset")
        account = new_account(
            AccountCode.WALLET_ADDRESS,
            account_id=UUID(wallet).int,
            ledger=asset.ledger,
            asset_id=UUID(asset.id).int,
        )
        await self.node.features.ledger.create_accounts([account])
        plan = deposit(
            transfer_id=uuid4().int, account_id=account.id, ledger=asset.ledger, amount=MONEY
        )
        assert (await self.node.features.ledger.submit(plan.chain)).ok
        return wallet

    async def _wallet_key(self) -> Any:
        return await self.node.wallets.CreateWalletAddressKey(
            wallet_address_service_pb2.CreateWalletAddressKeyRequest(
                tenant_id=self.tenant.id,
                wallet_address_id=await self.get("wallet"),
                kid=mark(),
                x="oy0L_vTygNE4IogRyn_F5GmHXdqYVjIXkWs2jky7zsI",
                idempotency_key=key(),
            )
        )

    async def wallet_key(self) -> str:
        return str((await self._message("wallet_key")).id)

    async def published(self) -> set[str]:
        """What any bank on the Internet is shown of these things."""
        wallet = await self._message("wallet")
        return {
            self.tenant.id,
            wallet.address,
            wallet.public_name,
            (await self._message("wallet_key")).kid,
            await self.get("incoming"),
            await self.get("receiver"),
        }

    # Payments.

    async def _incoming(self) -> Any:
        request = incoming_payment_service_pb2.CreateIncomingPaymentRequest(
            tenant_id=self.tenant.id,
            wallet_address=await self.get("wallet_url"),
            incoming_amount=amount(MONEY),
        )
        request.metadata.update({"of": mark()})
        return await self.node.incoming_payments.CreateIncomingPayment(request)

    async def incoming(self) -> str:
        return id_of(await self._message("incoming"))

    async def receiver(self) -> str:
        return str((await self._message("incoming")).id)

    async def _quote(self) -> Any:
        return await self.node.payments.CreateQuote(
            payment_service_pb2.CreateQuoteRequest(
                tenant_id=self.tenant.id,
                wallet_address_id=await self.get("wallet"),
                receiver=await self.get("receiver"),
                receive_amount=amount(MONEY),
                idempotency_key=key(),
            )
        )

    async def quote(self) -> str:
        return str((await self._message("quote")).id)

    async def quote_url(self) -> str:
        base = f"{self.node.settings.open_payments_url}/{self.tenant.id}"
        return f"{base}/quotes/{await self.get('quote')}"

    async def outgoing(self) -> str:
        """A payment that waits for its money."""
        request = payment_service_pb2.CreateOutgoingPaymentRequest(
            tenant_id=self.tenant.id,
            wallet_address_id=await self.get("wallet"),
            quote_id=await self.get("quote"),
            idempotency_key=key(),
        )
        request.metadata.update({"of": mark()})
        return str((await self.node.payments.CreateOutgoingPayment(request)).id)

    async def fund(self) -> Any:
        """Fund the payment, and wait for its end."""
        payment = await self.get("outgoing")
        await self.node.liquidity.DepositOutgoingPaymentLiquidity(
            liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
                tenant_id=self.tenant.id, outgoing_payment_id=payment, idempotency_key=key()
            )
        )
        find = payment_service_pb2.GetOutgoingPaymentRequest(id=payment)
        return await eventually(
            lambda: self.node.payments.GetOutgoingPayment(find),
            lambda now: now.state in _ENDED,
        )

    async def received(self) -> str:
        """Another incoming payment, which has all its money."""
        beside = self.tenant.belongings()
        await beside.fund()
        payment = str(await beside.get("incoming"))
        find = payment_service_pb2.GetIncomingPaymentRequest(id=payment)
        done = payment_service_pb2.INCOMING_PAYMENT_STATE_COMPLETED
        await eventually(
            lambda: self.node.payments.GetIncomingPayment(find), lambda now: now.state == done
        )
        return payment

    async def failed(self) -> str:
        """Another payment, which ended with its money left: its receiver was cancelled."""
        beside = self.tenant.belongings()
        await beside.get("outgoing")
        await self.node.payments.CancelIncomingPayment(
            payment_service_pb2.CancelIncomingPaymentRequest(
                tenant_id=self.tenant.id, id=await beside.get("incoming"), idempotency_key=key()
            )
        )
        return str((await beside.fund()).id)

    # Money, events and sessions.

    async def deposit_id(self) -> str:
        """The id of a deposit that is booked."""
        return await self.deposit_to(await self.get("asset"))

    async def withdrawal(self) -> str:
        """A withdrawal in two phases, between them."""
        withdrawal = str(uuid4())
        await self.node.liquidity.WithdrawAssetLiquidity(
            liquidity_service_pb2.WithdrawAssetLiquidityRequest(
                tenant_id=self.tenant.id,
                id=withdrawal,
                asset_id=await self.get("asset_with_money"),
                amount=1,
                timeout_seconds=3_600,
                idempotency_key=key(),
            )
        )
        return withdrawal

    async def event(self) -> str:
        await self.get("incoming")
        stub: Any = event_service_pb2_grpc.EventServiceStub(self.node.channel)
        listed = await stub.ListWebhookEvents(
            event_service_pb2.ListWebhookEventsRequest(tenant_id=self.tenant.id)
        )
        return str(next(each for each in listed.events if each.tenant_id == self.tenant.id).id)

    async def event_of(self, kind: str, payment: str) -> str:
        stub: Any = event_service_pb2_grpc.EventServiceStub(self.node.channel)
        find = event_service_pb2.ListWebhookEventsRequest(tenant_id=self.tenant.id, types=[kind])

        async def told() -> list[Any]:
            events = (await stub.ListWebhookEvents(find)).events
            return [each for each in events if each.data["id"] == payment]

        return str((await eventually(told, bool))[0].id)

    async def event_to_fund(self) -> str:
        """The event by which a payment asks for its money."""
        return await self.event_of("outgoing_payment.created", await self.get("outgoing"))

    async def event_to_withdraw(self) -> str:
        """The event by which a payment tells what can be withdrawn."""
        return await self.event_of("incoming_payment.completed", await self.get("received"))

    async def event_of_failed(self) -> str:
        """The event by which a payment that failed tells what can be withdrawn."""
        return await self.event_of("outgoing_payment.failed", await self.get("failed"))

    async def tenant_id(self) -> str:
        return self.tenant.id

    async def grant(self) -> str:
        """A grant that a client has from the tenant's server."""
        access = introspection_service_pb2.Access(type="incoming-payment", actions=["create"])
        request = grant_service_pb2.RequestGrantRequest(
            tenant_id=self.tenant.id,
            access_token=grant_service_pb2.AccessTokenRequest(access=[access]),
        )
        request.client.string_value = f"https://client.test/{self.unique}"
        grants: Any = grant_service_pb2_grpc.GrantServiceStub(self.tenant.auth)
        await grants.RequestGrant(request)
        admin: Any = grant_admin_service_pb2_grpc.GrantAdminServiceStub(self.tenant.auth)
        listed = await admin.ListGrants(
            grant_admin_service_pb2.ListGrantsRequest(tenant_id=self.tenant.id)
        )
        return str(next(g.id for g in listed.grants if self.unique in g.client.wallet_address))

    async def session(self) -> str:
        stub: Any = session_service_pb2_grpc.SessionServiceStub(self.node.channel)
        body = f'{{"nonce":"{uuid4()}"}}'.encode()
        signature = make_signature(
            {"nonce": body.decode()[10:-2]},
            secret=self.tenant.secret,
            version=1,
            now_ms=self.node.clock.now_ms(),
        )
        started = await stub.StartSession(
            session_service_pb2.StartSessionRequest(
                tenant_id=self.tenant.id, signature=signature, body=body, source="127.0.0.1"
            )
        )
        return str(started.token)
