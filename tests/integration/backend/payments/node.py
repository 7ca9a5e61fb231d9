"""One backend process, in this one, and what a test does with it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aiohttp
import grpc.aio
from ilpkit.ilp.http_rules import prepare_headers
from ilpkit.ilp.packet import Prepare, Reply, decode_reply, encode_prepare
from rafiki.admin.v1 import (
    asset_service_pb2,
    asset_service_pb2_grpc,
    liquidity_service_pb2,
    liquidity_service_pb2_grpc,
    payment_service_pb2,
    payment_service_pb2_grpc,
    peer_service_pb2,
    peer_service_pb2_grpc,
    tenant_service_pb2_grpc,
    wallet_address_service_pb2,
    wallet_address_service_pb2_grpc,
)
from rafiki.common.v1.money_pb2 import Amount
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    incoming_payment_service_pb2_grpc,
    outgoing_payment_service_pb2,
    outgoing_payment_service_pb2_grpc,
    quote_service_pb2,
    quote_service_pb2_grpc,
)
from servicekit.grpc_client import build_channel
from servicekit.lifecycle import Lifecycle
from servicekit.parts import Ports

from services.backend.app import BackendApp
from services.backend.ledger.rules.chart import balance
from services.backend.outgoing_payments.worker import OutgoingPaymentWorker
from services.backend.process.connections import Connections
from services.backend.process.features import Features
from services.backend.receivers.remembered import FRESH
from services.backend.settings import BackendSettings
from tests.integration.backend.ledger.audit import audit
from tests.integration.backend.payments.outside import Edge
from tests.support.warp_clock import WarpClock

T = TypeVar("T")
STEP_S = 0.01


STALE_S = FRESH.total_seconds() + 1
"""After so long a receiver is read again before it is paid."""


async def eventually(read: Callable[[], Awaitable[T]], reached: Callable[[T], bool]) -> T:
    """Read until a state is reached; the test's own timeout bounds it."""
    while not reached(found := await read()):  # noqa: ASYNC110 - a state behind RPC has no event
        await asyncio.sleep(STEP_S)
    return found


def key() -> str:
    """A fresh idempotency key."""
    return str(uuid4())


def amount(value: int, code: str = "USD", scale: int = 2) -> Amount:
    return Amount(value=value, asset_code=code, asset_scale=scale)


def id_of(message: Any) -> str:
    """The id at the end of a resource's URL."""
    return str(message.id.rpartition("/")[2])


class OpenedApp(BackendApp):
    """The composition root, with what it built in reach."""

    features: Features

    async def build(self, connections: Connections) -> Features:
        self.features = await super().build(connections)
        return self.features

    @property
    def worker(self) -> OutgoingPaymentWorker:
        return self.features.outgoing.worker


class Node:
    """A node behind its edge; it may be stopped, and started again on the same stores."""

    def __init__(self, *, settings: BackendSettings, clock: WarpClock, edge: Edge) -> None:
        self.settings = settings
        self.clock = clock
        self.edge = edge
        self.tenant = str(settings.operator_tenant_id)
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        self._stack = AsyncExitStack()
        self.app = OpenedApp(settings=self.settings, clock=self.clock)
        self._lifecycle = Lifecycle(self._stack)
        self.ports: Ports = await self.app.start(self._lifecycle)
        self.features = self.app.features
        self.channel = build_channel(f"127.0.0.1:{self.ports.grpc}")
        self._stack.push_async_callback(self.channel.close)
        self.http = aiohttp.ClientSession()
        self._stack.push_async_callback(self.http.close)
        inside = grpc.aio.insecure_channel(f"127.0.0.1:{self.ports.grpc}")
        self._stack.push_async_callback(inside.close)
        self.edge.lead_to(inside)
        self._stack.callback(self.edge.lead_away_from, inside)
        channel: Any = self.channel
        self.assets: Any = asset_service_pb2_grpc.AssetServiceStub(channel)
        self.peers: Any = peer_service_pb2_grpc.PeerServiceStub(channel)
        self.wallets: Any = wallet_address_service_pb2_grpc.WalletAddressAdminServiceStub(channel)
        self.liquidity: Any = liquidity_service_pb2_grpc.LiquidityServiceStub(channel)
        self.payments: Any = payment_service_pb2_grpc.PaymentServiceStub(channel)
        self.tenants: Any = tenant_service_pb2_grpc.TenantServiceStub(channel)
        self.incoming_payments: Any = incoming_payment_service_pb2_grpc.IncomingPaymentServiceStub(
            channel
        )
        self.quotes: Any = quote_service_pb2_grpc.QuoteServiceStub(channel)
        self.outgoing_payments: Any = outgoing_payment_service_pb2_grpc.OutgoingPaymentServiceStub(
            channel
        )

    async def stop(self) -> None:
        await self._stack.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    @property
    def ilp_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.http}/ilp"

    async def asset(self, code: str = "USD", scale: int = 2, *, liquidity: int = 0) -> Any:
        request = asset_service_pb2.CreateAssetRequest(
            code=code, scale=scale, idempotency_key=key()
        )
        made = await self.assets.CreateAsset(request)
        if liquidity:
            await self.deposit(made, liquidity)
        return made

    async def deposit(self, asset: Any, value: int) -> None:
        """Add to the node's liquidity in an asset."""
        request = liquidity_service_pb2.DepositAssetLiquidityRequest(
            id=str(uuid4()), asset_id=asset.id, amount=value, idempotency_key=key()
        )
        await self.liquidity.DepositAssetLiquidity(request)

    async def fee(self, asset: Any, *, fixed: int, basis_points: int) -> None:
        await self.assets.SetFee(
            asset_service_pb2.SetFeeRequest(
                asset_id=asset.id,
                type=asset_service_pb2.FEE_TYPE_SENDING,
                fixed=fixed,
                basis_points=basis_points,
                idempotency_key=key(),
            )
        )

    async def wallet(self, asset: Any, name: str | None = None) -> Any:
        request = wallet_address_service_pb2.CreateWalletAddressRequest(
            asset_id=asset.id,
            address=f"{self.settings.open_payments_url}/{name or uuid4()}",
            idempotency_key=key(),
        )
        return await self.wallets.CreateWalletAddress(request)

    async def peer(
        self, asset: Any, address: str, *, url: str, balance: int = 0, **fields: Any
    ) -> Any:
        """A peer whose packets carry the token `from-<address>`."""
        request = peer_service_pb2.CreatePeerRequest(
            asset_id=asset.id,
            static_ilp_address=address,
            incoming_auth_tokens=[f"from-{address}"],
            outgoing=peer_service_pb2.PeerHttpOutgoing(
                endpoint=url, auth_token=f"from-{self.settings.ilp_address}"
            ),
            initial_liquidity=balance,
            idempotency_key=key(),
            **fields,
        )
        made = await self.peers.CreatePeer(request)
        await self.known(lambda: UUID(made.id) in self.features.lookups.directory.snapshot.peers)
        return made

    async def known(self, reached: Callable[[], bool]) -> None:
        """Wait until a notification has come round."""
        while not reached():  # noqa: ASYNC110 - the directory has no event to wait for
            await asyncio.sleep(STEP_S)

    async def incoming(self, wallet: Any, value: Amount | None = None, **fields: Any) -> Any:
        request = incoming_payment_service_pb2.CreateIncomingPaymentRequest(
            tenant_id=self.tenant, wallet_address=wallet.address, incoming_amount=value, **fields
        )
        return await self.incoming_payments.CreateIncomingPayment(request)

    async def incoming_now(self, payment: Any) -> Any:
        """An incoming payment as administrators see it."""
        return await self.payments.GetIncomingPayment(
            payment_service_pb2.GetIncomingPaymentRequest(id=id_of(payment))
        )

    async def complete(self, payment: Any) -> Any:
        return await self.incoming_payments.CompleteIncomingPayment(
            incoming_payment_service_pb2.CompleteIncomingPaymentRequest(
                tenant_id=self.tenant, id=id_of(payment)
            )
        )

    async def quote(
        self, wallet: Any, receiver: Any, *, metadata: Sequence[tuple[str, str]] = (), **fields: Any
    ) -> Any:
        request = quote_service_pb2.CreateQuoteRequest(
            tenant_id=self.tenant,
            wallet_address=wallet.address,
            receiver=receiver if isinstance(receiver, str) else receiver.id,
            method="ilp",
            **fields,
        )
        return await self.quotes.CreateQuote(request, metadata=metadata)

    async def outgoing(
        self,
        wallet: Any,
        quote: Any = None,
        *,
        metadata: Sequence[tuple[str, str]] = (),
        **fields: Any,
    ) -> Any:
        request = outgoing_payment_service_pb2.CreateOutgoingPaymentRequest(
            tenant_id=self.tenant,
            wallet_address=wallet.address,
            quote_id=None if quote is None else quote.id,
        )
        for name, value in fields.items():
            if name == "data":
                request.metadata.update(value)
            elif isinstance(value, str):
                setattr(request, name, value)
            else:
                getattr(request, name).CopyFrom(value)
        return await self.outgoing_payments.CreateOutgoingPayment(request, metadata=metadata)

    async def fund(self, payment: Any, *, data: bytes | None = None) -> None:
        await self.liquidity.DepositOutgoingPaymentLiquidity(
            liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
                outgoing_payment_id=id_of(payment), data_to_transmit=data, idempotency_key=key()
            )
        )

    async def cancel(self, payment: Any) -> Any:
        return await self.payments.CancelOutgoingPayment(
            payment_service_pb2.CancelOutgoingPaymentRequest(
                id=id_of(payment), idempotency_key=key()
            )
        )

    async def outgoing_now(self, payment: Any) -> Any:
        """An outgoing payment as administrators see it."""
        return await self.payments.GetOutgoingPayment(
            payment_service_pb2.GetOutgoingPaymentRequest(id=id_of(payment))
        )

    async def ended(self, payment: Any) -> Any:
        """The payment once it is COMPLETED or FAILED."""
        sending = {
            payment_service_pb2.OUTGOING_PAYMENT_STATE_FUNDING,
            payment_service_pb2.OUTGOING_PAYMENT_STATE_SENDING,
        }
        return await eventually(
            lambda: self.outgoing_now(payment), lambda now: now.state not in sending
        )

    async def completed(self, payment: Any) -> Any:
        """The incoming payment once it is COMPLETED."""
        done = payment_service_pb2.INCOMING_PAYMENT_STATE_COMPLETED
        return await eventually(lambda: self.incoming_now(payment), lambda now: now.state == done)

    async def post_packet(self, address: str, prepare: Prepare) -> Reply:
        """The reply to a packet of the peer with this address, over HTTP."""
        headers = prepare_headers(f"from-{address}")
        raw = encode_prepare(prepare)
        async with self.http.post(self.ilp_url, headers=headers, data=raw) as response:
            assert response.status == 200, await response.text()
            return decode_reply(await response.read())

    async def balance(self, account_id: str) -> int:
        """What an account is good for."""
        account = UUID(account_id).int
        return balance((await self.features.ledger.lookup_accounts([account]))[account])

    async def audit(self) -> None:
        """Assert that the books balance, to the unit."""
        await audit(self.settings.database_url.get_secret_value())
