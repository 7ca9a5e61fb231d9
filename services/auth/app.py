"""The composition root: every object of the auth service is built here, once, top to bottom."""

from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor
from rafiki.grant.v1 import (
    grant_admin_service_pb2,
    grant_admin_service_pb2_grpc,
    grant_service_pb2,
    grant_service_pb2_grpc,
    interaction_service_pb2,
    interaction_service_pb2_grpc,
)
from rafiki.introspection.v1 import (
    introspection_service_pb2,
    introspection_service_pb2_grpc,
)
from servicekit.clock import Clock, SystemClock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.documents import JsonFetcher, fetch_rules
from servicekit.grpc_server import GrpcServer, ServiceBinding, build_grpc_server
from servicekit.guarded_requests import GUARD_METHODS, GUARD_PREFIX
from servicekit.health import HealthChecks
from servicekit.housekeeping import Housekeeper
from servicekit.http_listener import HttpLimits, HttpListener, Routes
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import IdSource, SystemIds
from servicekit.lifecycle import Lifecycle
from servicekit.listen import Listener
from servicekit.metrics import Metrics
from servicekit.redis import Redis, build_redis

from services.auth.admin.admission import Admission
from services.auth.admin.build import Administration
from services.auth.admin.build import build as build_admin
from services.auth.admin.commands.upsert_tenant import TenantSettings
from services.auth.admin.servicer import GrantAdminServicer
from services.auth.clients.display import ClientDisplaySource
from services.auth.gnap.discovery import DiscoveryRoutes
from services.auth.gnap.rest_errors import gnap_rest_error
from services.auth.gnap.urls import PublicUrls
from services.auth.granting.build import build as build_granting
from services.auth.granting.model import GrantTimes
from services.auth.granting.policy import InteractionPolicy
from services.auth.granting.servicer import GrantServicer
from services.auth.guard.build import build as build_guard
from services.auth.guard.routes import GuardRoutes
from services.auth.idempotency.sealed import SealedReplies
from services.auth.idempotency.tables import idempotency_keys
from services.auth.interactions import routes as interaction_routes
from services.auth.interactions.build import Interactions
from services.auth.interactions.build import build as build_interactions
from services.auth.interactions.routes import InteractionRoutes
from services.auth.interactions.servicer import InteractionServicer
from services.auth.interactions.sessions import InteractionSessions
from services.auth.introspection.queries import TokenIntrospection
from services.auth.introspection.revocations import RevocationNotices
from services.auth.introspection.servicer import IntrospectionServicer
from services.auth.migrations.run import upgrade_async
from services.auth.settings import AuthSettings
from services.auth.tokens.build import build as build_tokens
from services.auth.tokens.ended import REVOCATIONS_CHANNEL
from services.auth.tokens.housekeeping import tokens_housekeeping

BODY_BYTES_MAX: Final = 256 * 1024
"""A grant request with three access items is below 4 KiB."""
REPLY_LIFE: Final = timedelta(hours=24)
"""How long a call may be repeated under its idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a worker listens; the system chose where the settings said 0."""

    http: int
    grpc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    database: Database
    redis: Redis
    fetcher: JsonFetcher
    replies: IdempotencyStore
    commands: Commands


class AuthApp:
    """One worker process."""

    def __init__(
        self,
        *,
        settings: AuthSettings,
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds(self._clock)
        self._urls = PublicUrls(base_url=settings.auth_server_url)
        self._notices = RevocationNotices()

    async def start(self, lifecycle: Lifecycle) -> Ports:
        """Open the stores, then the worker, then the servers; closing goes the other way round."""
        settings = self._settings
        stores = self._open_stores(lifecycle)
        await lifecycle.opened("postgres", stores.database.check)
        if not settings.enable_manual_migrations:
            await upgrade_async(settings.database_url.get_secret_value())
        admin = build_admin(database=stores.database, clock=self._clock)
        await stores.commands.run(admin.upsert_tenant, self._operator())
        if settings.database_cleanup_workers:
            lifecycle.spawn("housekeeping", self._housekeeper(stores).run())
        revocations = self._revocations_listener()
        lifecycle.spawn("revocations", revocations.run())
        await revocations.loaded()
        checks = HealthChecks(clock=self._clock)
        checks.add("postgres", stores.database.check)
        checks.add("redis", stores.redis.ping, vital=False)
        metrics = Metrics()
        for collector in stores.database.measures:
            metrics.add(collector)
        interactions = build_interactions(
            database=stores.database, clock=self._clock, urls=self._urls
        )
        grpc_server = self._grpc_server(stores, admin, interactions, checks, metrics)
        listener = self._http_listener(stores, interactions, checks, metrics)
        await grpc_server.start()
        lifecycle.on_close(lambda: grpc_server.stop(settings.drain_seconds))
        lifecycle.on_close(self._notices.close)
        await listener.start()
        lifecycle.on_close(lambda: listener.drain(settings.drain_seconds))

        async def leave() -> None:
            checks.draining = True

        lifecycle.on_close(leave)
        return Ports(http=listener.port, grpc=grpc_server.port)

    def _open_stores(self, lifecycle: Lifecycle) -> _Stores:
        settings = self._settings
        database = Database(
            settings.database_url.get_secret_value(),
            application_name="rafiki-auth",
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
        fetcher = JsonFetcher(rules=fetch_rules(production=settings.production))
        lifecycle.on_close(fetcher.close)
        replies = IdempotencyStore(table=idempotency_keys, clock=self._clock, ttl=REPLY_LIFE)
        sealed = SealedReplies(
            store=replies,
            ids=self._ids,
            secret=settings.cookie_key.get_secret_value().encode(),
        )
        return _Stores(
            database=database,
            redis=redis,
            fetcher=fetcher,
            replies=replies,
            commands=Commands(database=database, replies=sealed),
        )

    def _operator(self) -> TenantSettings:
        """The operator's tenant is what the settings say, at each start."""
        settings = self._settings
        return TenantSettings(
            tenant_id=settings.operator_tenant_id,
            idp_consent_url=settings.identity_server_url,
            idp_secret=settings.identity_server_secret.get_secret_value(),
            api_secret=settings.admin_api_secret.get_secret_value(),
        )

    def _housekeeper(self, stores: _Stores) -> Housekeeper:
        keep = timedelta(days=self._settings.access_token_deletion_days)
        tokens = tokens_housekeeping(clock=self._clock, keep=keep)
        return Housekeeper(
            database=stores.database,
            tasks=(tokens, stores.replies.housekeeping),
            clock=self._clock,
            ids=self._ids,
        )

    def _revocations_listener(self) -> Listener:
        return Listener(
            self._settings.database_url.get_secret_value(),
            channels=[REVOCATIONS_CHANNEL],
            on_notify=self._notices.on_notify,
            on_reload=self._notices.on_reload,
            clock=self._clock,
            ids=self._ids,
        )

    def _grpc_server(
        self,
        stores: _Stores,
        admin: Administration,
        interactions: Interactions,
        checks: HealthChecks,
        metrics: Metrics,
    ) -> GrpcServer:
        settings, commands = self._settings, stores.commands
        return build_grpc_server(
            services=(
                ServiceBinding(
                    descriptor=_descriptor(grant_service_pb2, "GrantService"),
                    add=grant_service_pb2_grpc.add_GrantServiceServicer_to_server,
                    servicer=self._grant_servicer(stores),
                ),
                ServiceBinding(
                    descriptor=_descriptor(interaction_service_pb2, "InteractionService"),
                    add=interaction_service_pb2_grpc.add_InteractionServiceServicer_to_server,
                    servicer=InteractionServicer(commands=commands, interactions=interactions),
                ),
                ServiceBinding(
                    descriptor=_descriptor(grant_admin_service_pb2, "GrantAdminService"),
                    add=grant_admin_service_pb2_grpc.add_GrantAdminServiceServicer_to_server,
                    servicer=GrantAdminServicer(commands=commands, admin=admin),
                ),
                ServiceBinding(
                    descriptor=_descriptor(introspection_service_pb2, "IntrospectionService"),
                    add=introspection_service_pb2_grpc.add_IntrospectionServiceServicer_to_server,
                    servicer=IntrospectionServicer(
                        introspection=TokenIntrospection(
                            database=stores.database, clock=self._clock
                        ),
                        notices=self._notices,
                        clock=self._clock,
                    ),
                ),
            ),
            host=settings.host,
            port=settings.grpc_port,
            checks=checks,
            metrics=metrics,
            clock=self._clock,
            ids=self._ids,
            rest_error=gnap_rest_error,
            admit=Admission(operator_id=settings.operator_tenant_id),
        )

    def _grant_servicer(self, stores: _Stores) -> GrantServicer:
        settings = self._settings
        tokens = build_tokens(
            database=stores.database,
            clock=self._clock,
            ids=self._ids,
            token_life_s=settings.access_token_expiry_seconds,
        )
        granting = build_granting(
            database=stores.database,
            clock=self._clock,
            ids=self._ids,
            issuer=tokens.issuer,
            displays=ClientDisplaySource(clock=self._clock, fetcher=stores.fetcher),
            policy=self._policy(),
            times=GrantTimes(
                wait_s=settings.wait_seconds,
                interaction_life_s=settings.interaction_expiry_seconds,
            ),
        )
        return GrantServicer(
            commands=stores.commands, granting=granting, tokens=tokens, urls=self._urls
        )

    def _policy(self) -> InteractionPolicy:
        settings = self._settings
        return InteractionPolicy(
            incoming_payment=settings.incoming_payment_interaction,
            quote=settings.quote_interaction,
            list_all=settings.list_all_access_interaction,
        )

    def _http_listener(
        self,
        stores: _Stores,
        interactions: Interactions,
        checks: HealthChecks,
        metrics: Metrics,
    ) -> HttpListener:
        settings = self._settings
        guard = build_guard(
            database=stores.database,
            redis=stores.redis,
            fetcher=stores.fetcher,
            clock=self._clock,
            public_origin=settings.auth_server_url,
            either_scheme=not settings.production,
        )
        sessions = InteractionSessions(
            store=stores.redis,
            ids=self._ids,
            cookie_key=settings.cookie_key.get_secret_value().encode(),
            urls=self._urls,
            same_site=settings.interaction_cookie_same_site,
        )
        browser = InteractionRoutes(
            clock=self._clock,
            commands=stores.commands,
            interactions=interactions,
            sessions=sessions,
        )
        routes = Routes()
        for method in GUARD_METHODS:
            routes.prefix(method, GUARD_PREFIX, GuardRoutes(guard=guard).handle)
        routes.prefix("GET", interaction_routes.PREFIX, browser.handle)
        routes.exact("GET", "/discovery", DiscoveryRoutes(urls=self._urls).handle)
        routes.exact("GET", "/healthz", checks.handle)
        routes.exact("GET", "/livez", checks.live)
        routes.exact("GET", "/metrics", metrics.handle)
        return HttpListener(
            routes,
            host=settings.host,
            port=settings.auth_port,
            limits=HttpLimits(body_bytes_max=BODY_BYTES_MAX),
            clock=self._clock,
        )


def _descriptor(module: ModuleType, name: str) -> ServiceDescriptor:
    service: ServiceDescriptor = module.DESCRIPTOR.services_by_name[name]
    return service
