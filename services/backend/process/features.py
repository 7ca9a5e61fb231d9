"""The features of one process, put together from the ground up by their `build`s."""

from datetime import timedelta
from pathlib import Path

from ilpkit.httpsig.keys import private_key_from_pem
from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import IdSource
from servicekit.redis import ReplayGuard

from services.backend.assets.build import build as build_assets
from services.backend.auto_peering.build import build as build_auto_peering
from services.backend.auto_peering.commands.accept_peering import Allowed
from services.backend.clients.auth_tenants import AuthTenants
from services.backend.clients.open_payments import OpenPaymentsClient
from services.backend.connector.build import build as build_packet_path
from services.backend.connector.peer_link import HttpPeerLink
from services.backend.connector.stream import StreamServer
from services.backend.directory.build import build as build_lookups
from services.backend.events import repository as events
from services.backend.events.build import build as build_events
from services.backend.events.tables import idempotency_keys
from services.backend.guard.build import build as build_guard
from services.backend.incoming_payments.build import build as build_incoming
from services.backend.liquidity.build import build as build_liquidity
from services.backend.low_liquidity.build import build as build_low_liquidity
from services.backend.outgoing_payments.build import build as build_outgoing
from services.backend.outgoing_payments.due import DuePayments
from services.backend.peers import repository as peers
from services.backend.peers.build import build as build_peers
from services.backend.process.connections import Connections
from services.backend.quotes.build import build as build_quotes
from services.backend.rates.build import build as build_rates
from services.backend.receivers.build import build as build_receivers
from services.backend.reconciliation.build import build as build_reconciliation
from services.backend.settings import BackendSettings
from services.backend.tenants.build import build as build_tenants
from services.backend.tenants.scope import Scopes
from services.backend.unknown_packets.build import build as build_reconciler
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.build import build as build_wallet_addresses


class Features:
    """Everything that a process can do: each feature is made from those before it."""

    def __init__(
        self, settings: BackendSettings, connections: Connections, *, clock: Clock, ids: IdSource
    ) -> None:
        self.settings = settings
        self.connections = connections
        self.clock = clock
        self.ids = ids
        self.database = connections.database
        self.ledger = connections.ledger
        self.scopes = Scopes(operator_id=settings.operator_tenant_id)
        self.replies = IdempotencyStore(table=idempotency_keys, clock=clock)
        self.commands = Commands(database=self.database, replies=self.replies)
        self.key = private_key_from_pem(Path(settings.private_key_file).read_bytes())
        self._build_accounts()
        self._build_telling()
        self._build_receiving()
        self._build_sending()
        self._build_comparing()
        self._build_guard()
        self._build_auto_peering()

    def _build_accounts(self) -> None:
        """Who there is, and whose money."""
        settings, clock, ids = self.settings, self.clock, self.ids
        database, ledger = self.database, self.ledger
        self.lookups = build_lookups(
            database=database,
            ilp_address=settings.ilp_address,
            open_payments_url=settings.open_payments_url,
            node_wallet_address=settings.node_wallet_address,
            auth_server_url=settings.auth_server_grant_url,
            webhook_url=settings.webhook_url,
            webhook_timeout_ms=settings.webhook_timeout_ms,
            webhook_attempts_max=settings.webhook_max_retry,
            exchange_rates_url=settings.exchange_rates_url,
            clock=clock,
            ids=ids,
        )
        names = self.lookups.names
        self.tenants = build_tenants(
            database=database,
            known=self.lookups.directory,
            names=names,
            ends=[wallet_addresses.end_of_tenant, peers.end_of_tenant, events.end_of_tenant],
            auth=AuthTenants(channel=self.connections.auth),
            replay_guard=ReplayGuard(
                self.connections.redis, prefix="rafiki:admin-signature", clock=clock
            ),
            signature_version=settings.admin_api_signature_version,
            signature_ttl_ms=settings.admin_api_signature_ttl_s * 1000,
            clock=clock,
            ids=ids,
        )
        self.assets = build_assets(
            database=database,
            ledger=ledger,
            users=[wallet_addresses.uses_asset, peers.uses_asset],
            known=self.lookups.directory,
            clock=clock,
            ids=ids,
        )
        self.peers = build_peers(
            database=database,
            ledger=ledger,
            names=names,
            known=self.lookups.directory,
            assets=self.lookups.directory,
            clock=clock,
            ids=ids,
        )
        self.wallet_addresses = build_wallet_addresses(
            database=database,
            base_urls=self.lookups.urls,
            names=names,
            known=self.lookups.wallet_addresses,
            clock=clock,
            ids=ids,
        )

    def _build_telling(self) -> None:
        """Rates, which are asked for, and events, which are told."""
        settings, clock, ids, database = self.settings, self.clock, self.ids, self.database
        self.rates = build_rates(
            sessions=self.connections.http,
            urls=self.lookups.tenant_settings,
            lifetime_ms=settings.exchange_rates_lifetime_ms,
            clock=clock,
        )
        secret = settings.signature_secret
        self.events = build_events(
            database=database,
            sessions=self.connections.http,
            tenants=self.lookups.tenant_settings,
            secret=None if secret is None else secret.get_secret_value(),
            signature_version=settings.signature_version,
            in_flight_max=settings.webhook_deliveries_in_flight_max,
            clock=clock,
            ids=ids,
        )

    def _build_receiving(self) -> None:
        """Incoming payments, and the packets that pay them or go on to peers."""
        settings, clock, ids = self.settings, self.clock, self.ids
        directory = self.lookups.directory
        self.incoming = build_incoming(
            database=self.database,
            commands=self.commands,
            ledger=self.ledger,
            directory=directory,
            wallet_addresses=self.lookups.wallet_addresses,
            events=self.events.writer,
            expiry_max=timedelta(milliseconds=settings.incoming_payment_expiry_max_ms),
            clock=clock,
            ids=ids,
        )
        self.stream = StreamServer(
            secret=settings.stream_secret_bytes, directory=directory, ids=ids
        )
        self.packets = build_packet_path(
            directory=directory,
            server=self.stream,
            payables=self.incoming.payables,
            rates=self.rates,
            ledger=self.ledger,
            listener=self.incoming.worker,
            link=HttpPeerLink(self.connections.peers, tracing=self.connections.tracing),
            clock=clock,
            ids=ids,
            ilp_address=settings.ilp_address,
        )

    def _build_sending(self) -> None:
        """Quotes and outgoing payments, and what operators do with money."""
        settings, clock, ids = self.settings, self.clock, self.ids
        database, ledger, lookups = self.database, self.ledger, self.lookups
        client = OpenPaymentsClient(
            session=self.connections.outside,
            private_key=self.key,
            key_id=settings.key_id,
            wallet_address=settings.node_wallet_address,
            clock=clock,
        )
        self.receivers = build_receivers(
            database=database,
            client=client,
            incoming_payments=self.incoming,
            wallet_addresses=lookups.wallet_addresses,
            payables=self.incoming.payables,
            tenants=lookups.tenant_settings,
            urls=lookups.urls,
            secret=settings.stream_secret_bytes,
            clock=clock,
            ids=ids,
        )
        self.quotes = build_quotes(
            database=database,
            directory=lookups.directory,
            wallets=lookups.wallet_addresses,
            rates=self.rates,
            receivers=self.receivers.queries,
            lifespan=timedelta(milliseconds=settings.quote_lifespan_ms),
            slippage=settings.slippage_ratio,
            clock=clock,
            ids=ids,
        )
        due = DuePayments(clock=clock)
        self.reconciler = build_reconciler(
            database=database, ledger=ledger, listener=due, clock=clock, ids=ids
        )
        self.outgoing = build_outgoing(
            database=database,
            commands=self.commands,
            ledger=ledger,
            wallet_addresses=lookups.wallet_addresses,
            quotes=self.quotes,
            receivers=self.receivers.queries,
            connector=self.packets.connector,
            due=due,
            entries=self.reconciler.entries,
            local_credit=self.incoming.worker,
            events=self.events.writer,
            attempts_max=settings.max_outgoing_payment_retry_attempts,
            in_flight_max=settings.outgoing_payments_in_flight_max,
            tracing=self.connections.tracing,
            clock=clock,
            ids=ids,
        )
        self.liquidity = build_liquidity(
            database=database,
            ledger=ledger,
            incoming_payments=self.incoming.endings,
            clock=clock,
        )

        self.low_liquidity = build_low_liquidity(
            commands=self.commands,
            directory=lookups.directory,
            ledger=ledger,
            events=self.events.writer,
            clock=clock,
        )

    def _build_comparing(self) -> None:
        """What finds out whether the books agree."""
        self.reconciliation = build_reconciliation(
            commands=self.commands,
            database=self.database,
            directory=self.lookups.directory,
            ledger=self.ledger,
            clock=self.clock,
            ids=self.ids,
        )

    def _build_guard(self) -> None:
        """Which requests of Open Payments may pass."""
        self.guard = build_guard(
            database=self.database,
            directory=self.lookups.directory,
            wallet_addresses=self.lookups.wallet_addresses,
            redis=self.connections.redis,
            fetcher=self.connections.documents,
            auth=self.connections.auth,
            clock=self.clock,
            public_origin=self.lookups.urls.public_origin,
            grant_endpoint=self.settings.auth_server_grant_url,
            either_scheme=not self.settings.production,
        )

    def _build_auto_peering(self) -> None:
        """Peers that are made by one request to a URL."""
        settings = self.settings
        self.auto_peering = build_auto_peering(
            session=self.connections.outside,
            peers=self.peers,
            directory=self.lookups.directory,
            ledger=self.ledger,
            operator_id=settings.operator_tenant_id,
            connector_url=settings.ilp_connector_url,
            name=settings.instance_name,
            allowed=Allowed(
                prefixes=settings.auto_peering_allowed_addresses,
                liquidity=settings.auto_peering_liquidity,
            ),
            ids=self.ids,
        )
