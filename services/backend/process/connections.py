"""The stores and other parties that one process is connected to, opened at its start."""

from dataclasses import dataclass
from typing import Final

import aiohttp
import grpc.aio
from servicekit.clock import Clock
from servicekit.database import Database, DatabaseLimits
from servicekit.documents import JsonFetcher, fetch_rules, outside_session
from servicekit.grpc_client import build_channel
from servicekit.ids import IdSource
from servicekit.lifecycle import Lifecycle
from servicekit.parts import HealthCheck, Part
from servicekit.processes import worker_index
from servicekit.redis import Redis, build_redis
from servicekit.tracing import Tracing, open_tracing

from services.backend.clients.auth_tenants import IDEMPOTENT_METHODS as AUTH_TENANT_METHODS
from services.backend.clients.http import Sessions, new_session
from services.backend.connector.peer_link import new_peer_session
from services.backend.ledger.build import open_ledger
from services.backend.ledger.interface import Ledger
from services.backend.settings import BackendSettings

INTROSPECT: Final = "rafiki.introspection.v1.IntrospectionService/Introspect"
OUTSIDE_CONNECTIONS_MAX: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Closed in the opposite order when the process ends."""

    database: Database
    redis: Redis
    ledger: Ledger
    http: Sessions
    """To tenants, clients and other banks, and to where the operator says."""
    outside: aiohttp.ClientSession
    """To tenants, clients and other banks alone."""
    peers: aiohttp.ClientSession
    """To the connectors of peers."""
    auth: grpc.aio.Channel
    """To the authorization server's private services."""
    documents: JsonFetcher
    tracing: Tracing | None
    """To the collectors of traces, if there are any."""

    @property
    def part(self) -> Part:
        """Whether the stores answer."""
        return Part(
            checks={
                "postgres": HealthCheck(check=self.database.check),
                "redis": HealthCheck(check=self.redis.ping, vital=False),
            },
            measures=self.database.measures,
        )


async def connect(
    settings: BackendSettings, lifecycle: Lifecycle, *, clock: Clock, ids: IdSource
) -> Connections:
    """Open everything, waiting for the stores where they are not there yet."""
    # Clients name the URLs of documents: in production only public https servers are called.
    rules = fetch_rules(production=settings.production)
    tracing = open_tracing(
        settings, service="rafiki-backend", node=settings.instance_name, worker=worker_index()
    )
    if tracing is not None:
        lifecycle.on_close(tracing.close)
    database = Database(
        settings.database_url.get_secret_value(),
        limits=DatabaseLimits(
            write_connections_max=settings.database_pool_size,
            read_connections_max=settings.database_pool_size,
        ),
        application_name="rafiki-backend",
        clock=clock,
        ids=ids,
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
    ledger = await lifecycle.opened(
        "ledger", lambda: open_ledger(settings, clock=clock, tracing=tracing)
    )
    lifecycle.on_close(ledger.close)
    own = new_session()
    lifecycle.on_close(own.close)
    outside = outside_session(rules, connections_max=OUTSIDE_CONNECTIONS_MAX)
    lifecycle.on_close(outside.close)
    peers = new_peer_session()
    lifecycle.on_close(peers.close)
    auth = build_channel(
        settings.auth_server_introspection_url,
        idempotent_methods=[INTROSPECT, *AUTH_TENANT_METHODS],
        tls=settings.grpc_client_tls,
        tracing=tracing,
    )
    lifecycle.on_close(auth.close)
    documents = JsonFetcher(rules=rules)
    lifecycle.on_close(documents.close)
    own_urls = frozenset({settings.webhook_url, settings.exchange_rates_url or ""})
    return Connections(
        database=database,
        redis=redis,
        ledger=ledger,
        http=Sessions(own=own, own_urls=own_urls, outside=outside),
        outside=outside,
        peers=peers,
        auth=auth,
        documents=documents,
        tracing=tracing,
    )
