"""The composition root: one backend process, feature by feature, each made from those before it.

`build` of a feature makes its use cases; `part` says what of them runs in a process: its servicers,
its workers, the notifications that it follows.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ilpkit.httpsig.keys import private_key_from_pem, public_jwk
from servicekit.clock import Clock, SystemClock
from servicekit.commands import Commands
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import IdSource, SystemIds
from servicekit.lifecycle import Lifecycle
from servicekit.parts import Part, PartsProcess, Ports, Serving
from servicekit.redis import ReplayGuard

from services.backend.admin_sessions.callers import AdminCallers
from services.backend.admin_sessions.part import part as admin_sessions_part
from services.backend.assets.build import build as build_assets
from services.backend.assets.part import part as assets_part
from services.backend.auto_peering.build import build as build_auto_peering
from services.backend.auto_peering.commands.accept_peering import Allowed
from services.backend.auto_peering.part import part as auto_peering_part
from services.backend.clients.auth_tenants import AuthTenants
from services.backend.clients.open_payments import OpenPaymentsClient
from services.backend.connector.build import build as build_packet_path
from services.backend.connector.part import part as packets_part
from services.backend.connector.peer_link import HttpPeerLink
from services.backend.connector.stream import StreamServer
from services.backend.directory.admission import Admission
from services.backend.directory.build import build as build_lookups
from services.backend.directory.part import part as directory_part
from services.backend.events import repository as events
from services.backend.events.build import build as build_events
from services.backend.events.part import part as events_part
from services.backend.events.tables import idempotency_keys
from services.backend.guard.build import build as build_guard
from services.backend.guard.part import part as guard_part
from services.backend.incoming_payments.build import build as build_incoming
from services.backend.incoming_payments.part import part as incoming_part
from services.backend.ledger.part import part as ledger_part
from services.backend.liquidity.build import build as build_liquidity
from services.backend.liquidity.part import part as liquidity_part
from services.backend.low_liquidity.build import build as build_low_liquidity
from services.backend.low_liquidity.part import part as low_liquidity_part
from services.backend.outgoing_payments.build import build as build_outgoing
from services.backend.outgoing_payments.due import DuePayments
from services.backend.outgoing_payments.part import part as outgoing_part
from services.backend.payments.part import part as payments_part
from services.backend.peers import repository as peers
from services.backend.peers.build import build as build_peers
from services.backend.peers.part import part as peers_part
from services.backend.process.connections import Connections, connect
from services.backend.quotes.build import build as build_quotes
from services.backend.quotes.part import part as quotes_part
from services.backend.rates.build import build as build_rates
from services.backend.receivers.build import build as build_receivers
from services.backend.routing.part import part as routing_part
from services.backend.settings import BackendSettings
from services.backend.tenants.build import build as build_tenants
from services.backend.tenants.commands.ensure_operator import Operator
from services.backend.tenants.part import part as tenants_part
from services.backend.tenants.scope import Scopes
from services.backend.unknown_packets.build import build as build_reconciler
from services.backend.unknown_packets.part import part as unknown_packets_part
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.build import build as build_wallet_addresses
from services.backend.wallet_addresses.part import part as wallet_addresses_part


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

    async def start(self, lifecycle: Lifecycle) -> Ports:
        """Open the stores, then the workers, then the servers; closing goes the other way round."""
        settings, clock, ids = self._settings, self._clock, self._ids
        connections = await connect(settings, lifecycle, clock=clock, ids=ids)
        features = await self.build(connections)
        lifecycle.on_close(features.packets.settlement.drain)
        lifecycle.on_close(features.lookups.hearing.end)
        process = PartsProcess(
            features.parts(),
            database=connections.database,
            database_url=settings.database_url.get_secret_value(),
            lifecycle=lifecycle,
            clock=clock,
            ids=ids,
        )
        return await process.start(
            Serving(
                host=settings.host,
                wanted=Ports(http=settings.connector_port, grpc=settings.grpc_port),
                admit=Admission(
                    directory=features.lookups.directory,
                    callers=AdminCallers(
                        verify=features.tenants.signatures.verify_api_signature,
                        operator_id=settings.operator_tenant_id,
                    ),
                ),
            )
        )

    async def build(self, connections: Connections) -> "Features":
        """The features on open connections, with the operator's tenant and a loaded directory."""
        settings = self._settings
        features = Features(settings, connections, clock=self._clock, ids=self._ids)
        operator = Operator(
            tenant_id=settings.operator_tenant_id,
            api_secret=settings.admin_api_secret.get_secret_value(),
        )
        await features.commands.run(features.tenants.ensure_operator, operator)
        await features.lookups.directory.reload()
        await features.lookups.names.report(connections.database)
        return features


class Features:
    """Everything that a process can do."""

    def __init__(
        self, settings: BackendSettings, connections: Connections, *, clock: Clock, ids: IdSource
    ) -> None:
        self._settings = settings
        self._connections = connections
        self.clock = clock
        self.ids = ids
        self.database = connections.database
        self.ledger = connections.ledger
        self.scopes = Scopes(operator_id=settings.operator_tenant_id)
        self.replies = IdempotencyStore(table=idempotency_keys, clock=clock)
        self.commands = Commands(database=self.database, replies=self.replies)
        self.key = private_key_from_pem(Path(settings.private_key_file).read_bytes())
        self._build_accounts()
        self._build_receiving()
        self._build_sending()
        self._build_guard()
        self._build_auto_peering()

    def _build_accounts(self) -> None:
        """Who there is, and whose money."""
        settings, clock, ids = self._settings, self.clock, self.ids
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
            auth=AuthTenants(channel=self._connections.auth),
            replay_guard=ReplayGuard(
                self._connections.redis, prefix="rafiki:admin-signature", clock=clock
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
        self.rates = build_rates(
            sessions=self._connections.http,
            urls=self.lookups.tenant_settings,
            lifetime_ms=settings.exchange_rates_lifetime_ms,
            clock=clock,
        )
        secret = settings.signature_secret
        self.events = build_events(
            database=database,
            sessions=self._connections.http,
            tenants=self.lookups.tenant_settings,
            secret=None if secret is None else secret.get_secret_value(),
            signature_version=settings.signature_version,
            in_flight_max=settings.webhook_deliveries_in_flight_max,
            clock=clock,
            ids=ids,
        )

    def _build_receiving(self) -> None:
        """Incoming payments, and the packets that pay them or go on to peers."""
        settings, clock, ids = self._settings, self.clock, self.ids
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
            link=HttpPeerLink(self._connections.peers),
            clock=clock,
            ids=ids,
            ilp_address=settings.ilp_address,
        )

    def _build_sending(self) -> None:
        """Quotes and outgoing payments, and what operators do with money."""
        settings, clock, ids = self._settings, self.clock, self.ids
        database, ledger, lookups = self.database, self.ledger, self.lookups
        client = OpenPaymentsClient(
            session=self._connections.outside,
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
            clock=clock,
            ids=ids,
        )
        self.liquidity = build_liquidity(
            database=database,
            ledger=ledger,
            incoming_payments=self.incoming.endings,
            clock=clock,
        )

    def _build_guard(self) -> None:
        """Which requests of Open Payments may pass."""
        self.guard = build_guard(
            database=self.database,
            directory=self.lookups.directory,
            wallet_addresses=self.lookups.wallet_addresses,
            redis=self._connections.redis,
            fetcher=self._connections.documents,
            auth=self._connections.auth,
            clock=self.clock,
            public_origin=self.lookups.urls.public_origin,
            grant_endpoint=self._settings.auth_server_grant_url,
            either_scheme=not self._settings.production,
        )

    def _build_auto_peering(self) -> None:
        """Peers that are made by one request to a URL."""
        settings = self._settings
        self.auto_peering = build_auto_peering(
            session=self._connections.outside,
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

    def parts(self) -> Sequence[Part]:
        """What runs: the directory first, since what follows a reconnect reads it."""
        return [
            self._connections.part,
            directory_part(self.lookups),
            *self._open_payments(),
            *self._admin(),
            ledger_part(self.ledger),
            packets_part(self.packets),
            self._low_liquidity(),
            *self._asked_by_nodes(),
            Part(housekeeping=[self.replies.housekeeping]),
        ]

    def _low_liquidity(self) -> Part:
        """What tells tenants that an asset or a peer needs more."""
        worker = build_low_liquidity(
            commands=self.commands,
            directory=self.lookups.directory,
            ledger=self.ledger,
            events=self.events.writer,
            clock=self.clock,
        )
        return low_liquidity_part(worker, ledger=self.ledger)

    def _asked_by_nodes(self) -> Sequence[Part]:
        """What nodes call that are no peers yet, if the operator wants it."""
        settings = self._settings
        if not settings.enable_auto_peering:
            return ()
        return [
            auto_peering_part(
                self.auto_peering,
                commands=self.commands,
                ilp_address=settings.ilp_address,
                connector_url=settings.ilp_connector_url,
                name=settings.instance_name,
            )
        ]

    def _open_payments(self) -> Sequence[Part]:
        """What clients call, through the guard."""
        settings, clock, commands = self._settings, self.clock, self.commands
        urls, active = self.lookups.urls, self.lookups.wallet_addresses
        return [
            guard_part(self.guard),
            wallet_addresses_part(
                self.wallet_addresses,
                commands=commands,
                ledger=self.ledger,
                scopes=self.scopes,
                urls=urls,
                node_key=public_jwk(self.key, kid=settings.key_id),
                page_template=settings.wallet_address_page,
                clock=clock,
            ),
            incoming_part(
                self.incoming,
                wallet_addresses=active,
                commands=commands,
                credentials=self.stream,
                urls=urls,
                clock=clock,
            ),
            quotes_part(self.quotes, wallet_addresses=active, commands=commands, urls=urls),
            outgoing_part(
                self.outgoing,
                wallet_addresses=active,
                commands=commands,
                urls=urls,
                sends=settings.outgoing_payments_in_flight_max > 0,
            ),
        ]

    def _admin(self) -> Sequence[Part]:
        """What operators and tenants call."""
        clock, commands, scopes = self.clock, self.commands, self.scopes
        database, ledger, lookups = self.database, self.ledger, self.lookups
        return [
            tenants_part(self.tenants, commands=commands),
            admin_sessions_part(
                database=database,
                commands=commands,
                signatures=self.tenants.signatures,
                clock=clock,
                ids=self.ids,
            ),
            assets_part(self.assets, commands=commands, ledger=ledger, scopes=scopes),
            peers_part(
                self.peers,
                by_url=self.auto_peering.ask,
                commands=commands,
                ledger=ledger,
                scopes=scopes,
            ),
            payments_part(
                database=database,
                incoming=self.incoming,
                outgoing=self.outgoing,
                quotes=self.quotes,
                receivers=self.receivers,
                wallet_addresses=self.wallet_addresses.queries,
                urls=lookups.urls,
                commands=commands,
                scopes=scopes,
            ),
            liquidity_part(
                self.liquidity,
                fund_payment=self.outgoing.fund,
                commands=commands,
                scopes=scopes,
            ),
            events_part(
                self.events, targets=lookups.tenant_settings, commands=commands, scopes=scopes
            ),
            routing_part(
                directory=lookups.directory,
                rates=self.rates,
                ledger=ledger,
                scopes=scopes,
                clock=clock,
            ),
            unknown_packets_part(self.reconciler, commands=commands, scopes=scopes, clock=clock),
        ]
