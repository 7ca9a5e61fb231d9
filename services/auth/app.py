"""The composition root: one process of the authorization server, feature by feature.

`build` of a feature makes its use cases; `part` says what of them runs in a process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from servicekit.clock import Clock, SystemClock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.documents import JsonFetcher, fetch_rules
from servicekit.http_listener import HttpLimits
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import IdSource, SystemIds
from servicekit.lifecycle import Lifecycle
from servicekit.parts import HealthCheck, Part, PartsProcess, Ports, Serving
from servicekit.processes import worker_index
from servicekit.redis import Redis, build_redis
from servicekit.tracing import open_tracing

from services.auth.admin.admission import Admission
from services.auth.admin.build import build as build_admin
from services.auth.admin.commands.upsert_tenant import TenantSettings
from services.auth.admin.part import part as admin_part
from services.auth.clients.display import ClientDisplaySource
from services.auth.gnap.rest_errors import gnap_rest_error
from services.auth.gnap.urls import PublicUrls
from services.auth.granting.build import build as build_granting
from services.auth.granting.model import GrantTimes
from services.auth.granting.part import part as granting_part
from services.auth.granting.policy import InteractionPolicy
from services.auth.guard.build import build as build_guard
from services.auth.guard.part import part as guard_part
from services.auth.idempotency.sealed import SealedReplies
from services.auth.idempotency.tables import idempotency_keys
from services.auth.interactions.build import build as build_interactions
from services.auth.interactions.part import part as interactions_part
from services.auth.interactions.sessions import InteractionSessions
from services.auth.introspection.part import part as introspection_part
from services.auth.migrations.run import upgrade_async
from services.auth.settings import AuthSettings
from services.auth.tokens.build import build as build_tokens
from services.auth.tokens.part import part as tokens_part

BODY_BYTES_MAX: Final = 256 * 1024
"""A grant request with three access items is below 4 KiB."""
REPLY_LIFE: Final = timedelta(hours=24)
"""How long a call may be repeated under its idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    database: Database
    redis: Redis
    fetcher: JsonFetcher


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

    async def start(self, lifecycle: Lifecycle) -> Ports:
        """Open the stores, then the workers, then the servers; closing goes the other way round."""
        settings, url = self._settings, self._settings.database_url.get_secret_value()
        tracing = open_tracing(settings, service="rafiki-auth", worker=worker_index())
        if tracing is not None:
            lifecycle.on_close(tracing.close)
        stores = self._open_stores(lifecycle)
        await lifecycle.opened("postgres", stores.database.check)
        if not settings.enable_manual_migrations:
            await upgrade_async(url)
        features = Features(settings, stores, clock=self._clock, ids=self._ids)
        await features.upsert_operator()
        process = PartsProcess(
            features.parts(),
            database=stores.database,
            database_url=url,
            lifecycle=lifecycle,
            clock=self._clock,
            ids=self._ids,
        )
        return await process.start(
            Serving(
                host=settings.host,
                tls=settings.grpc_tls,
                tracing=tracing,
                wanted=Ports(http=settings.auth_port, grpc=settings.grpc_port),
                admit=Admission(operator_id=settings.operator_tenant_id),
                rest_error=gnap_rest_error,
                http_limits=HttpLimits(body_bytes_max=BODY_BYTES_MAX),
                drain_s=settings.drain_seconds,
            )
        )

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
        return _Stores(database=database, redis=redis, fetcher=fetcher)


class Features:
    """Everything that a process can do."""

    def __init__(
        self, settings: AuthSettings, stores: _Stores, *, clock: Clock, ids: IdSource
    ) -> None:
        self._settings = settings
        self._stores = stores
        self._clock = clock
        self._ids = ids
        database = stores.database
        self.urls = PublicUrls(base_url=settings.auth_server_url)
        self.replies = IdempotencyStore(table=idempotency_keys, clock=clock, ttl=REPLY_LIFE)
        secret = settings.cookie_key.get_secret_value().encode()
        self.commands = Commands(
            database=database, replies=SealedReplies(store=self.replies, ids=ids, secret=secret)
        )
        self.admin = build_admin(database=database, clock=clock)
        self.tokens = build_tokens(
            database=database,
            clock=clock,
            ids=ids,
            token_life_s=settings.access_token_expiry_seconds,
        )
        self.interactions = build_interactions(database=database, clock=clock, urls=self.urls)
        self.granting = build_granting(
            database=database,
            clock=clock,
            ids=ids,
            issuer=self.tokens.issuer,
            displays=ClientDisplaySource(clock=clock, fetcher=stores.fetcher),
            policy=InteractionPolicy(
                incoming_payment=settings.incoming_payment_interaction,
                quote=settings.quote_interaction,
                list_all=settings.list_all_access_interaction,
            ),
            times=GrantTimes(
                wait_s=settings.wait_seconds,
                interaction_life_s=settings.interaction_expiry_seconds,
            ),
        )
        self.guard = build_guard(
            database=database,
            redis=stores.redis,
            fetcher=stores.fetcher,
            clock=clock,
            public_origin=settings.auth_server_url,
            either_scheme=not settings.production,
        )

    async def upsert_operator(self) -> None:
        """The operator's tenant is what the settings say, at each start."""
        settings = self._settings
        operator = TenantSettings(
            tenant_id=settings.operator_tenant_id,
            idp_consent_url=settings.identity_server_url,
            idp_secret=settings.identity_server_secret.get_secret_value(),
            api_secret=settings.admin_api_secret.get_secret_value(),
        )
        await self.commands.run(self.admin.upsert_tenant, operator)

    def parts(self) -> Sequence[Part]:
        """What runs."""
        clock, commands = self._clock, self.commands
        return [
            self._stores_part(),
            guard_part(self.guard),
            granting_part(self.granting, self.tokens, commands=commands, urls=self.urls),
            interactions_part(
                self.interactions, sessions=self._sessions(), commands=commands, clock=clock
            ),
            introspection_part(database=self._stores.database, clock=clock),
            admin_part(self.admin, commands=commands),
            *self._housekeeping(),
        ]

    def _stores_part(self) -> Part:
        return Part(
            checks={
                "postgres": HealthCheck(check=self._stores.database.check),
                "redis": HealthCheck(check=self._stores.redis.ping, vital=False),
            }
        )

    def _sessions(self) -> InteractionSessions:
        return InteractionSessions(
            store=self._stores.redis,
            ids=self._ids,
            cookie_key=self._settings.cookie_key.get_secret_value().encode(),
            urls=self.urls,
            same_site=self._settings.interaction_cookie_same_site,
        )

    def _housekeeping(self) -> Sequence[Part]:
        if not self._settings.database_cleanup_workers:
            return ()
        keep = timedelta(days=self._settings.access_token_deletion_days)
        return (
            tokens_part(clock=self._clock, keep=keep),
            Part(housekeeping=[self.replies.housekeeping]),
        )
