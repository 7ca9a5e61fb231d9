"""All that a backend process is made of, and the gRPC services that it offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rafiki.admin.v1 import (
    asset_service_pb2,
    asset_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    liquidity_service_pb2,
    liquidity_service_pb2_grpc,
    payment_service_pb2,
    payment_service_pb2_grpc,
    peer_service_pb2,
    peer_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
    unknown_packet_service_pb2,
    unknown_packet_service_pb2_grpc,
    wallet_address_service_pb2,
    wallet_address_service_pb2_grpc,
)
from rafiki.connector.v1 import connector_service_pb2, connector_service_pb2_grpc
from rafiki.ledger.v1 import ledger_service_pb2, ledger_service_pb2_grpc
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    incoming_payment_service_pb2_grpc,
    outgoing_payment_service_pb2,
    outgoing_payment_service_pb2_grpc,
    quote_service_pb2,
    quote_service_pb2_grpc,
)
from rafiki.openpayments.v1 import wallet_address_service_pb2 as public_wallet_pb2
from rafiki.openpayments.v1 import wallet_address_service_pb2_grpc as public_wallet_pb2_grpc
from rafiki.routing.v1 import routing_service_pb2, routing_service_pb2_grpc
from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.grpc_server import ServiceBinding
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import IdSource
from servicekit.outbox import Outbox

from services.backend.admin_sessions.service import AdminSessionService
from services.backend.admin_sessions.servicer import SessionServicer
from services.backend.assets.build import Assets
from services.backend.assets.servicer import AssetServicer
from services.backend.calls import Calls
from services.backend.clients.auth_tenants import AuthTenants
from services.backend.connector.service import Connector
from services.backend.connector.servicer import ConnectorServicer
from services.backend.connector.settlement import Settlement
from services.backend.connector.stream import StreamServer
from services.backend.directory.tenant_settings import TenantSettings
from services.backend.directory.urls import Urls
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory
from services.backend.events.feed import EventFeed
from services.backend.events.history import EventHistory
from services.backend.events.service import EventWriter
from services.backend.events.servicer import EventServicer
from services.backend.guard.service import Guard
from services.backend.incoming_payments.build import IncomingPayments
from services.backend.incoming_payments.payables import PayablesCache
from services.backend.incoming_payments.servicer import (
    IncomingPaymentServicer,
    PublicIncomingPaymentServicer,
)
from services.backend.ledger.interface import Ledger
from services.backend.ledger.servicer import LedgerServicer
from services.backend.liquidity.history import AccountHistory
from services.backend.liquidity.service import LiquidityService
from services.backend.liquidity.servicer import LiquidityServicer
from services.backend.outgoing_payments.commands.create_payment import CreatePayment
from services.backend.outgoing_payments.service import OutgoingPaymentService
from services.backend.outgoing_payments.servicer import OutgoingPaymentServicer
from services.backend.payments.service import PaymentService
from services.backend.payments.servicer import PaymentServicer
from services.backend.peers.service import PeerService
from services.backend.peers.servicer import PeerServicer
from services.backend.quotes.build import Quotes
from services.backend.quotes.servicer import QuoteServicer
from services.backend.rates.service import Rates
from services.backend.receivers.build import Receivers
from services.backend.routing.service import RoutingService
from services.backend.routing.servicer import RoutingServicer
from services.backend.tenants.scope import Scopes
from services.backend.tenants.service import TenantService
from services.backend.tenants.servicer import TenantServicer
from services.backend.unknown_packets.service import UnknownPackets
from services.backend.unknown_packets.servicer import UnknownPacketServicer
from services.backend.wallet_addresses.service import WalletAddressService
from services.backend.wallet_addresses.servicer import (
    WalletAddressAdminServicer,
    WalletAddressServicer,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built by the composition root."""

    database: Database
    ledger: Ledger
    clock: Clock
    ids: IdSource
    replies: IdempotencyStore
    commands: Commands
    calls: Calls
    scopes: Scopes
    urls: Urls
    node_key: Mapping[str, str]
    directory: Directory
    tenants: TenantService
    admin_sessions: AdminSessionService
    tenant_settings: TenantSettings
    assets: Assets
    peers: PeerService
    wallet_addresses: WalletAddressService
    active_wallet_addresses: WalletAddresses
    incoming: IncomingPayments
    outgoing: OutgoingPaymentService
    unknown_packets: UnknownPackets
    create_payment: CreatePayment
    quotes: Quotes
    receivers: Receivers
    rates: Rates
    liquidity: LiquidityService
    events: EventWriter
    feed: EventFeed
    outbox: Outbox
    auth_changes: Outbox
    auth_tenants: AuthTenants
    stream: StreamServer
    payables: PayablesCache
    connector: Connector
    settlement: Settlement
    guard: Guard


def bindings(services: Services) -> list[ServiceBinding]:
    """Every gRPC service of the backend with its servicer."""
    return [*_open_payments(services), *_admin(services), *_engine_room(services)]


def _open_payments(services: Services) -> list[ServiceBinding]:
    wallet_addresses = WalletAddressServicer(
        wallet_addresses=services.wallet_addresses, urls=services.urls, node_key=services.node_key
    )
    incoming = IncomingPaymentServicer(
        payments=services.incoming,
        wallet_addresses=services.active_wallet_addresses,
        commands=services.commands,
        credentials=services.stream,
        urls=services.urls,
        clock=services.clock,
    )
    public = PublicIncomingPaymentServicer(payments=services.incoming.queries, urls=services.urls)
    quotes = QuoteServicer(
        queries=services.quotes.queries,
        create=services.quotes.create,
        database=services.database,
        commands=services.commands,
        urls=services.urls,
    )
    outgoing = OutgoingPaymentServicer(
        payments=services.outgoing,
        create=services.create_payment,
        wallets=services.active_wallet_addresses,
        commands=services.commands,
        urls=services.urls,
    )
    return [
        _bind(public_wallet_pb2, public_wallet_pb2_grpc, "WalletAddressService", wallet_addresses),
        _bind(
            incoming_payment_service_pb2,
            incoming_payment_service_pb2_grpc,
            "IncomingPaymentService",
            incoming,
        ),
        _bind(
            incoming_payment_service_pb2,
            incoming_payment_service_pb2_grpc,
            "PublicIncomingPaymentService",
            public,
        ),
        _bind(quote_service_pb2, quote_service_pb2_grpc, "QuoteService", quotes),
        _bind(
            outgoing_payment_service_pb2,
            outgoing_payment_service_pb2_grpc,
            "OutgoingPaymentService",
            outgoing,
        ),
    ]


def _payment_servicer(services: Services) -> PaymentServicer:
    return PaymentServicer(
        payments=PaymentService(
            database=services.database,
            incoming=services.incoming.queries,
            outgoing=services.outgoing,
        ),
        incoming=services.incoming,
        outgoing=services.outgoing,
        quotes=services.quotes,
        create_payment=services.create_payment,
        receivers=services.receivers,
        wallet_addresses=services.wallet_addresses,
        urls=services.urls,
        commands=services.commands,
        calls=services.calls,
        scopes=services.scopes,
    )


def _asset_servicer(services: Services) -> AssetServicer:
    return AssetServicer(
        assets=services.assets,
        commands=services.commands,
        ledger=services.ledger,
        scopes=services.scopes,
    )


def _admin(services: Services) -> list[ServiceBinding]:
    shared: dict[str, Any] = {"calls": services.calls, "scopes": services.scopes}
    assets = _asset_servicer(services)
    peers = PeerServicer(peers=services.peers, ledger=services.ledger, **shared)
    wallet_addresses = WalletAddressAdminServicer(
        wallet_addresses=services.wallet_addresses,
        ledger=services.ledger,
        clock=services.clock,
        **shared,
    )
    liquidity = LiquidityServicer(
        liquidity=services.liquidity,
        history=AccountHistory(
            database=services.database, ledger=services.ledger, clock=services.clock
        ),
        outgoing_payments=services.outgoing,
        **shared,
    )
    events = EventServicer(
        feed=services.feed,
        history=EventHistory(
            database=services.database, outbox=services.outbox, limits=services.tenant_settings
        ),
        targets=services.tenant_settings,
        **shared,
    )
    payments = _payment_servicer(services)
    return [
        _bind(asset_service_pb2, asset_service_pb2_grpc, "AssetService", assets),
        _bind(peer_service_pb2, peer_service_pb2_grpc, "PeerService", peers),
        _bind(
            wallet_address_service_pb2,
            wallet_address_service_pb2_grpc,
            "WalletAddressAdminService",
            wallet_addresses,
        ),
        _bind(event_service_pb2, event_service_pb2_grpc, "EventService", events),
        _bind(payment_service_pb2, payment_service_pb2_grpc, "PaymentService", payments),
        _bind(
            tenant_service_pb2,
            tenant_service_pb2_grpc,
            "TenantService",
            TenantServicer(tenants=services.tenants, calls=services.calls),
        ),
        _bind(
            session_service_pb2,
            session_service_pb2_grpc,
            "SessionService",
            SessionServicer(sessions=services.admin_sessions),
        ),
        _bind(liquidity_service_pb2, liquidity_service_pb2_grpc, "LiquidityService", liquidity),
        _bind(
            unknown_packet_service_pb2,
            unknown_packet_service_pb2_grpc,
            "UnknownPacketService",
            UnknownPacketServicer(packets=services.unknown_packets, clock=services.clock, **shared),
        ),
    ]


def _engine_room(services: Services) -> list[ServiceBinding]:
    routing = RoutingService(
        directory=services.directory,
        rates=services.rates,
        ledger=services.ledger,
        clock=services.clock,
    )
    return [
        _bind(
            routing_service_pb2,
            routing_service_pb2_grpc,
            "RoutingService",
            RoutingServicer(routing=routing, scopes=services.scopes),
        ),
        _bind(
            ledger_service_pb2,
            ledger_service_pb2_grpc,
            "LedgerService",
            LedgerServicer(ledger=services.ledger),
        ),
        _bind(
            connector_service_pb2,
            connector_service_pb2_grpc,
            "ConnectorService",
            ConnectorServicer(services.connector),
        ),
    ]


def _bind(pb2: ModuleType, pb2_grpc: ModuleType, name: str, servicer: object) -> ServiceBinding:
    return ServiceBinding(
        descriptor=pb2.DESCRIPTOR.services_by_name[name],
        add=getattr(pb2_grpc, f"add_{name}Servicer_to_server"),
        servicer=servicer,
    )
