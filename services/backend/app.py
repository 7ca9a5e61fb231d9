"""The composition root: every object of one backend process is built here, once, top to bottom."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.httpsig.keys import private_key_from_pem, public_jwk
from servicekit.clock import Clock, SystemClock
from servicekit.commands import Commands
from servicekit.database import Database, DatabaseLimits
from servicekit.documents import (
    JsonFetcher,
    fetch_rules,
    outside_session,
)
from servicekit.grpc_client import build_channel
from servicekit.grpc_server import build_grpc_server
from servicekit.guarded_requests import GUARD_METHODS, GUARD_PREFIX
from servicekit.health import HealthChecks
from servicekit.housekeeping import Housekeeper
from servicekit.http_listener import HttpListener
from servicekit.http_routes import Routes
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import IdSource, SystemIds
from servicekit.lifecycle import Lifecycle
from servicekit.listen import Listener, OnNotify
from servicekit.outbox import Outbox
from servicekit.outbox_worker import OutboxLimits, OutboxWorker
from servicekit.redis import Redis, ReplayGuard, build_redis
from token_introspection import IntrospectionClient

from services.backend.admin_sessions.service import AdminSessionService
from services.backend.assets.build import build as build_assets
from services.backend.calls import Calls
from services.backend.changes.announcement import DIRECTORY_CHANNEL
from services.backend.clients.auth_tenants import IDEMPOTENT_METHODS as AUTH_TENANT_METHODS
from services.backend.clients.auth_tenants import AuthTenants
from services.backend.clients.http import Sessions, fetch, new_session
from services.backend.clients.open_payments import OpenPaymentsClient
from services.backend.connector.build import build as build_packet_path
from services.backend.connector.http_handler import ILP_PATHS, IlpHandler
from services.backend.connector.peer_link import HttpPeerLink, new_peer_session
from services.backend.connector.stream import StreamServer
from services.backend.directory.admission import Admission
from services.backend.directory.names import Names
from services.backend.directory.tenant_settings import TenantSettings
from services.backend.directory.urls import Urls
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory
from services.backend.events.feed import EventFeed
from services.backend.events.service import EventWriter
from services.backend.events.tables import idempotency_keys, webhook_deliveries
from services.backend.events.worker import WebhookSender, retry_delay
from services.backend.guard.build import build as build_guard
from services.backend.incoming_payments.build import build as build_incoming
from services.backend.incoming_payments.build import build_queries as build_incoming_queries
from services.backend.incoming_payments.commands.end_incoming_payments import PAYMENT_CHANNEL
from services.backend.incoming_payments.payables import PayablesCache
from services.backend.ledger.build import open_ledger
from services.backend.ledger.interface import Ledger
from services.backend.liquidity.service import LiquidityService
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.commands.create_payment import CreatePayment
from services.backend.outgoing_payments.commands.follow_ledger import FollowLedger
from services.backend.outgoing_payments.commands.record_attempt import RecordAttempt
from services.backend.outgoing_payments.commands.return_deposit import ReturnDeposit
from services.backend.outgoing_payments.paying import Paying
from services.backend.outgoing_payments.service import DUE_CHANNEL, OutgoingPaymentService
from services.backend.outgoing_payments.worker import OutgoingPaymentWorker, WorkerCommands
from services.backend.peers.service import PeerService
from services.backend.quotes.build import build as build_quotes
from services.backend.rates.service import Rates
from services.backend.receivers.build import build as build_receivers
from services.backend.services import Services, bindings
from services.backend.settings import BackendSettings
from services.backend.tenants.scope import Scopes
from services.backend.tenants.service import TenantService
from services.backend.tenants.tables import auth_tenant_changes
from services.backend.tenants.worker import (
    AUTH_TENANTS_CHANNEL,
    AuthTenantSender,
    TenantChanges,
)
from services.backend.tenants.worker import retry_delay as tenant_retry_delay
from services.backend.unknown_packets.service import UnknownPackets
from services.backend.unknown_packets.worker import UnknownPacketWorker
from services.backend.wallet_addresses.service import WalletAddressService

WEBHOOK_CHANNEL: Final = "rafiki_webhook"
INTROSPECT: Final = "rafiki.introspection.v1.IntrospectionService/Introspect"
OUTSIDE_CONNECTIONS_MAX: Final = 512
DRAIN_S: Final = 20.0
"""Longer than most packets fly, shorter than the process may take to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a worker process listens; the system chose where the settings said 0."""

    http: int
    grpc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    database: Database
    redis: Redis
    ledger: Ledger
    http: aiohttp.ClientSession
    """To peers and where else the operator says."""
    outside: aiohttp.ClientSession
    """To where tenants, clients and other banks say."""


class BackendApp:
    """One worker process."""

    def __init__(
        self,
        *,
        settings: BackendSettings,
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds(self._clock)
        self._private_key = _private_key(settings.private_key_file)
        # Clients name these URLs: in production only public https servers are called.
        self._rules = fetch_rules(production=settings.production)

    async def start(self, lifecycle: Lifecycle) -> Ports:
        """Open the stores, then the workers, then the servers; closing goes the other way round."""
        stores = await self._open_stores(lifecycle)
        services = await self._build(stores, lifecycle)
        await self._start_workers(stores, services, lifecycle)
        return await self._start_servers(stores, services, lifecycle)

    async def _open_stores(self, lifecycle: Lifecycle) -> _Stores:
        settings = self._settings
        database = Database(
            settings.database_url.get_secret_value(),
            limits=DatabaseLimits(
                write_connections_max=settings.database_pool_size,
                read_connections_max=settings.database_pool_size,
            ),
            application_name="rafiki-backend",
            clock=self._clock,
            ids=self._ids,
        )
        lifecycle.on_close(database.close)
        redis = build_redis(
            settings.redis_url.get_secret_value(),
            ca_file=settings.redis_tls_ca_file,
            key_file=settings.redis_tls_key_file,
            cert_file=settings.redis_tls_cert_file,
        )
        lifecycle.on_close(redis.aclose)
        await lifecycle.opened("postgres", database.check)
        ledger = await lifecycle.opened("ledger", lambda: open_ledger(settings, clock=self._clock))
        lifecycle.on_close(ledger.close)
        http = new_session()
        lifecycle.on_close(http.close)
        outside = outside_session(self._rules, connections_max=OUTSIDE_CONNECTIONS_MAX)
        lifecycle.on_close(outside.close)
        return _Stores(database=database, redis=redis, ledger=ledger, http=http, outside=outside)

    def _sessions(self, stores: _Stores) -> Sessions:
        own = {self._settings.webhook_url, self._settings.exchange_rates_url or ""}
        return Sessions(own=stores.http, own_urls=frozenset(own), outside=stores.outside)

    async def _build(self, stores: _Stores, lifecycle: Lifecycle) -> Services:
        settings, clock, ids = self._settings, self._clock, self._ids
        database, ledger = stores.database, stores.ledger
        names = Names(
            ilp_address=settings.ilp_address, open_payments_url=settings.open_payments_url
        )
        directory = Directory(database=database, names=names)
        auth_changes = Outbox(
            table=auth_tenant_changes, channel=AUTH_TENANTS_CHANNEL, clock=clock, ids=ids
        )
        tenants = TenantService(
            database=database,
            directory=directory,
            names=names,
            replay_guard=ReplayGuard(stores.redis, prefix="rafiki:admin-signature", clock=clock),
            signature_version=settings.admin_api_signature_version,
            signature_ttl_ms=settings.admin_api_signature_ttl_s * 1000,
            changes=TenantChanges(auth_changes),
            clock=clock,
            ids=ids,
        )
        await tenants.ensure_operator(
            tenant_id=settings.operator_tenant_id,
            api_secret=settings.admin_api_secret.get_secret_value(),
        )
        await directory.reload()
        await names.report(database)
        urls = Urls(
            open_payments_url=settings.open_payments_url,
            node_wallet_address=settings.node_wallet_address,
            auth_server_url=settings.auth_server_grant_url,
            directory=directory,
            names=names,
        )
        tenant_settings = TenantSettings(
            directory=directory,
            webhook_url=settings.webhook_url,
            webhook_timeout_ms=settings.webhook_timeout_ms,
            webhook_attempts_max=settings.webhook_max_retry,
            exchange_rates_url=settings.exchange_rates_url,
        )
        outbox = Outbox(table=webhook_deliveries, channel=WEBHOOK_CHANNEL, clock=clock, ids=ids)
        events = EventWriter(outbox=outbox, limits=tenant_settings, clock=clock, ids=ids)
        replies = IdempotencyStore(table=idempotency_keys, clock=clock)
        commands = Commands(database=database, replies=replies)
        active = WalletAddresses(database=database, directory=directory, clock=clock)
        incoming_queries = build_incoming_queries(
            database=database, ledger=ledger, directory=directory, wallet_addresses=active
        )
        payables = PayablesCache(payments=incoming_queries)
        incoming = build_incoming(
            queries=incoming_queries,
            database=database,
            commands=commands,
            ledger=ledger,
            wallet_addresses=active,
            events=events,
            listener=payables,
            clock=clock,
            ids=ids,
            expiry_max=timedelta(milliseconds=settings.incoming_payment_expiry_max_ms),
        )
        rates = Rates(
            fetch=_RateFetcher(self._sessions(stores)),
            urls=tenant_settings,
            clock=clock,
            lifetime_ms=settings.exchange_rates_lifetime_ms,
        )
        client = OpenPaymentsClient(
            session=stores.outside,
            private_key=self._private_key,
            key_id=settings.key_id,
            wallet_address=settings.node_wallet_address,
            clock=clock,
        )
        receivers = build_receivers(
            database=database,
            client=client,
            incoming_payments=incoming,
            wallet_addresses=active,
            payables=payables,
            urls=urls,
            clock=clock,
        )
        quotes = build_quotes(
            database=database,
            directory=directory,
            wallets=active,
            rates=rates,
            receivers=receivers.queries,
            clock=clock,
            ids=ids,
            lifespan=timedelta(milliseconds=settings.quote_lifespan_ms),
            slippage=settings.slippage_ratio,
        )
        outgoing = OutgoingPaymentService(
            database=database,
            ledger=ledger,
            books=OutgoingBooks(ledger),
            events=events,
            clock=clock,
        )
        unknown_packets = UnknownPackets(
            database=database, ledger=ledger, listener=outgoing, clock=clock, ids=ids
        )
        peers = PeerService(database=database, ledger=ledger, names=names, clock=clock, ids=ids)
        stream = StreamServer(secret=settings.stream_secret_bytes, directory=directory, ids=ids)
        peer_session = new_peer_session()
        lifecycle.on_close(peer_session.close)
        packets = build_packet_path(
            directory=directory,
            server=stream,
            payables=payables,
            rates=rates,
            ledger=ledger,
            listener=incoming.worker,
            link=HttpPeerLink(peer_session),
            clock=clock,
            ids=ids,
            ilp_address=settings.ilp_address,
        )
        lifecycle.on_close(packets.settlement.drain)
        channel = build_channel(
            settings.auth_server_introspection_url,
            idempotent_methods=[INTROSPECT, *AUTH_TENANT_METHODS],
        )
        lifecycle.on_close(channel.close)
        fetcher = JsonFetcher(rules=self._rules)
        lifecycle.on_close(fetcher.close)
        guard = build_guard(
            database=database,
            redis=stores.redis,
            fetcher=fetcher,
            introspection=IntrospectionClient(channel=channel),
            clock=clock,
            public_origin=urls.public_origin,
            grant_endpoint=settings.auth_server_grant_url,
            either_scheme=not settings.production,
        )
        return Services(
            database=database,
            ledger=ledger,
            clock=clock,
            ids=ids,
            replies=replies,
            commands=commands,
            calls=Calls(commands=commands),
            scopes=Scopes(operator_id=settings.operator_tenant_id),
            urls=urls,
            node_key=public_jwk(self._private_key, kid=settings.key_id),
            directory=directory,
            tenants=tenants,
            admin_sessions=AdminSessionService(
                database=database, signatures=tenants, clock=clock, ids=ids
            ),
            tenant_settings=tenant_settings,
            assets=build_assets(database=database, ledger=ledger, clock=clock, ids=ids),
            peers=peers,
            wallet_addresses=WalletAddressService(
                database=database, base_urls=urls, claims=names, clock=clock, ids=ids
            ),
            active_wallet_addresses=active,
            incoming=incoming,
            outgoing=outgoing,
            unknown_packets=unknown_packets,
            create_payment=CreatePayment(
                wallets=active,
                quotes=quotes.queries,
                create_quote=quotes.create,
                receivers=receivers.queries,
                events=events,
                clock=clock,
            ),
            quotes=quotes,
            receivers=receivers,
            rates=rates,
            liquidity=LiquidityService(
                database=database,
                ledger=ledger,
                incoming_payments=incoming.endings,
                outgoing_payments=outgoing,
                clock=clock,
                ids=ids,
            ),
            events=events,
            feed=EventFeed(database=database, clock=clock),
            outbox=outbox,
            auth_changes=auth_changes,
            auth_tenants=AuthTenants(channel=channel),
            stream=stream,
            payables=payables,
            connector=packets.connector,
            settlement=packets.settlement,
            guard=guard,
        )

    async def _start_workers(
        self, stores: _Stores, services: Services, lifecycle: Lifecycle
    ) -> None:
        settings = self._settings
        handlers: dict[str, OnNotify] = {
            DIRECTORY_CHANNEL: services.directory.on_notify,
            PAYMENT_CHANNEL: services.payables.on_notify,
        }
        auth_tenants = self._auth_tenant_worker(stores, services)
        lifecycle.spawn("auth tenants", auth_tenants.run())
        handlers[AUTH_TENANTS_CHANNEL] = _telling(auth_tenants)
        handlers[WEBHOOK_CHANNEL] = _waking(services.feed)
        if settings.webhook_deliveries_in_flight_max:
            webhooks = self._webhook_worker(stores, services)
            lifecycle.spawn("webhooks", webhooks.run())
            handlers[WEBHOOK_CHANNEL] = _telling(webhooks, services.feed)
        if settings.outgoing_payments_in_flight_max:
            outgoing = self._outgoing_worker(stores, services)
            lifecycle.spawn("outgoing payments", outgoing.run())
            handlers[DUE_CHANNEL] = outgoing.on_notify
        lifecycle.spawn("incoming payments", services.incoming.worker.run())
        housekeeper = Housekeeper(
            database=stores.database,
            tasks=(
                services.replies.housekeeping,
                services.outbox.housekeeping,
                services.auth_changes.housekeeping,
            ),
            clock=self._clock,
            ids=self._ids,
        )
        lifecycle.spawn("housekeeping", housekeeper.run())
        unknown_packets = UnknownPacketWorker(
            database=stores.database,
            ledger=stores.ledger,
            packets=services.unknown_packets,
            clock=self._clock,
        )
        lifecycle.spawn("unknown packets", unknown_packets.run())

        async def on_notify(channel: str, payload: str) -> None:
            await handlers[channel](channel, payload)

        async def on_reload() -> None:
            await services.directory.reload()
            await services.payables.on_reload()
            for channel in (WEBHOOK_CHANNEL, DUE_CHANNEL, AUTH_TENANTS_CHANNEL):
                if channel in handlers:
                    await handlers[channel](channel, "")

        listener = Listener(
            settings.database_url.get_secret_value(),
            channels=list(handlers),
            on_notify=on_notify,
            on_reload=on_reload,
            clock=self._clock,
            ids=self._ids,
        )
        lifecycle.spawn("notifications", listener.run())
        await listener.loaded()

    def _outgoing_worker(self, stores: _Stores, services: Services) -> OutgoingPaymentWorker:
        books = OutgoingBooks(stores.ledger)
        return OutgoingPaymentWorker(
            database=stores.database,
            commands=services.commands,
            writes=WorkerCommands(
                record=RecordAttempt(
                    books=books,
                    events=services.events,
                    clock=self._clock,
                    attempts_max=self._settings.max_outgoing_payment_retry_attempts,
                ),
                follow=FollowLedger(books=books, events=services.events, clock=self._clock),
                return_deposit=ReturnDeposit(books=books),
            ),
            books=books,
            paying=Paying(
                ledger=stores.ledger,
                receivers=services.receivers.queries,
                path_limits=services.quotes.path_limits,
                local_credit=services.incoming.worker,
                clock=self._clock,
                ids=self._ids,
            ),
            connector=services.connector,
            listener=services.outgoing,
            clock=self._clock,
            in_flight_max=self._settings.outgoing_payments_in_flight_max,
        )

    def _auth_tenant_worker(self, stores: _Stores, services: Services) -> OutboxWorker:
        sender = AuthTenantSender(database=stores.database, client=services.auth_tenants)
        return OutboxWorker(
            database=stores.database,
            outbox=services.auth_changes,
            deliver=sender.deliver,
            retry_delay=tenant_retry_delay,
            clock=self._clock,
            ids=self._ids,
            limits=OutboxLimits(concurrent_max=4, lane_concurrent_max=4),
        )

    def _webhook_worker(self, stores: _Stores, services: Services) -> OutboxWorker:
        settings = self._settings
        secret = settings.signature_secret
        sender = WebhookSender(
            sessions=self._sessions(stores),
            targets=services.tenant_settings,
            clock=self._clock,
            secret=None if secret is None else secret.get_secret_value(),
            signature_version=settings.signature_version,
        )
        concurrent = settings.webhook_deliveries_in_flight_max
        return OutboxWorker(
            database=stores.database,
            outbox=services.outbox,
            deliver=sender.deliver,
            retry_delay=retry_delay,
            clock=self._clock,
            ids=self._ids,
            limits=OutboxLimits(
                concurrent_max=concurrent, lane_concurrent_max=max(1, concurrent // 2)
            ),
        )

    async def _start_servers(
        self, stores: _Stores, services: Services, lifecycle: Lifecycle
    ) -> Ports:
        settings = self._settings
        checks = HealthChecks(clock=self._clock)
        checks.add("postgres", stores.database.check)
        checks.add("redis", stores.redis.ping, vital=False)
        checks.add("ledger", _LedgerCheck(stores.ledger))
        checks.add("settlement", services.settlement.check, vital=False)
        grpc_server = build_grpc_server(
            services=bindings(services),
            host=settings.host,
            port=settings.grpc_port,
            checks=checks,
            clock=self._clock,
            ids=self._ids,
            admit=Admission(directory=services.directory),
        )
        routes = Routes()
        for path in ILP_PATHS:
            routes.exact("POST", path, IlpHandler(services.connector))
        routes.exact("GET", "/healthz", checks.handle)
        routes.exact("GET", "/livez", checks.live)
        for method in GUARD_METHODS:
            routes.prefix(method, f"{GUARD_PREFIX}/", services.guard.check)
        listener = HttpListener(
            routes,
            host=settings.host,
            port=settings.connector_port,
            clock=self._clock,
        )
        await grpc_server.start()
        lifecycle.on_close(lambda: grpc_server.stop(DRAIN_S))
        await listener.start()
        lifecycle.on_close(lambda: listener.drain(DRAIN_S))

        async def leave() -> None:
            checks.draining = True

        lifecycle.on_close(leave)
        return Ports(http=listener.port, grpc=grpc_server.port)


class _Sleeper(Protocol):
    """Something that waits for work."""

    def wake(self) -> None:
        """There may be some."""
        ...


def _waking(*sleepers: _Sleeper) -> OnNotify:
    async def wake(channel: str, payload: str) -> None:
        del channel, payload
        for sleeper in sleepers:
            sleeper.wake()

    return wake


def _telling(worker: OutboxWorker, *sleepers: _Sleeper) -> OnNotify:
    async def tell(channel: str, payload: str) -> None:
        del channel
        worker.heard(payload)
        for sleeper in sleepers:
            sleeper.wake()

    return tell


class _LedgerCheck:
    """Asks the ledger for an account that need not exist."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def __call__(self) -> None:
        await self._ledger.lookup_accounts([1])


class _RateFetcher:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def __call__(self, url: str, base: str) -> bytes:
        separator = "&" if "?" in url else "?"
        query = urlencode({"base": base})
        status, body = await fetch(self._sessions.of(url), "GET", f"{url}{separator}{query}")
        if status != 200:  # noqa: PLR2004 - OK
            raise OSError(f"{url} answered {status}")
        return body


def _private_key(path: str) -> Ed25519PrivateKey:
    return private_key_from_pem(Path(path).read_bytes())
