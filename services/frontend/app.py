"""The composition root: clients, GraphQL and the admin UI wired into one ASGI application."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import grpc.aio
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram
from servicekit.clock import Clock, SystemClock
from servicekit.health import HealthChecks
from servicekit.ids import IdSource, SystemIds
from servicekit.metrics import SECONDS_BUCKETS, Metrics
from servicekit.tracing import Tracing

from services.frontend.clients import build_clients, check_health, open_channel
from services.frontend.graphql.documents import admin_documents
from services.frontend.graphql.endpoint import GraphqlEndpoint, Receive, Scope, Send
from services.frontend.graphql.ide import graphiql_page
from services.frontend.graphql.schema import build_schema
from services.frontend.settings import FrontendSettings, grpc_target
from services.frontend.ui.routes import add_pages
from services.frontend.ui.sessions import Sessions
from services.frontend.ui.web import Ui

GRAPHQL_PATH: Final = "/graphql"
_ASKED_BY_PROBES: Final = frozenset({"/healthz", "/livez", "/metrics"})
"""Every few seconds, and part of no trace."""
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Open channels to the other two services."""

    backend: grpc.aio.Channel
    auth: grpc.aio.Channel

    async def close(self) -> None:
        """Close both, and what runs on them."""
        await self.backend.close()
        await self.auth.close()


def open_channels(settings: FrontendSettings, tracing: Tracing | None = None) -> Channels:
    """Channels to where the settings say; they connect when first used."""
    return Channels(
        backend=open_channel(
            grpc_target(settings.backend_grpc_urls), settings.grpc_client_tls, tracing
        ),
        auth=open_channel(settings.auth_grpc_url, settings.grpc_client_tls, tracing),
    )


def build_app(
    settings: FrontendSettings,
    channels: Channels,
    *,
    checks: HealthChecks,
    tracing: Tracing | None = None,
    clock: Clock | None = None,
    ids: IdSource | None = None,
) -> Application:
    """The application over open channels."""
    clock = clock or SystemClock()
    ids = ids or SystemIds(clock)
    clients = build_clients(backend=channels.backend, auth=channels.auth)
    app = FastAPI(title="Rafiki Admin", openapi_url=None, docs_url=None, redoc_url=None)
    graphql = GraphqlEndpoint(
        schema=build_schema(),
        documents=admin_documents(introspection=settings.introspection),
        clients=clients,
        ids=ids,
        ending=lambda: checks.draining,
        ide=(
            graphiql_page(signature_version=settings.admin_api_signature_version)
            if settings.node_env == "development"
            else None
        ),
    )
    secret = settings.session_secret.get_secret_value()
    add_pages(
        app,
        Ui(
            clients=clients,
            sessions=Sessions(secret=secret, clock=clock, ids=ids),
            clock=clock,
            ids=ids,
            cookie_secure=settings.session_cookie_secure,
            signature_version=settings.admin_api_signature_version,
        ),
    )
    _add_health(app, checks)
    metrics = Metrics()
    seconds = Histogram(
        "rafiki_admin_seconds",
        "requests to the Admin API and the pages",
        ("surface",),
        registry=None,
        buckets=SECONDS_BUCKETS,
    )
    metrics.add(seconds)
    surfaces = {name: seconds.labels(name) for name in ("graphql", "pages")}
    _add_metrics(app, metrics)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        # What is called most is spared the framework's layers.
        admin = scope["type"] == "http" and scope["path"] == GRAPHQL_PATH
        surface = "graphql" if admin else "pages"
        serve = graphql if admin else app
        with surfaces[surface].time():
            if tracing is None or scope["type"] != "http" or scope["path"] in _ASKED_BY_PROBES:
                await serve(scope, receive, send)
                return
            with tracing.serving(f"{scope['method']} {surface}", _headers(scope)):
                await serve(scope, receive, send)

    return route


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def build_checks(channels: Channels, *, clock: Clock) -> HealthChecks:
    """The health of this process, which is that of what it speaks to."""
    checks = HealthChecks(clock=clock)
    checks.add("backend", lambda: check_health(channels.backend))
    # Without auth the pages about grants fail, and nothing else does.
    checks.add("auth", lambda: check_health(channels.auth), vital=False)
    return checks


def _add_metrics(app: FastAPI, metrics: Metrics) -> None:
    async def show() -> Response:
        return Response(await metrics.text(), media_type=CONTENT_TYPE_LATEST)

    app.add_api_route("/metrics", show, methods=["GET"])


def _add_health(app: FastAPI, checks: HealthChecks) -> None:
    async def healthz() -> Response:
        report = await checks.report()
        body = {"status": report.status, "checks": dict(report.states)}
        return JSONResponse(body, status_code=200 if report.healthy else 503)

    async def livez() -> Response:
        return JSONResponse(
            {"status": checks.liveness}, status_code=503 if checks.draining else 200
        )

    app.add_api_route("/healthz", healthz, methods=["GET"])
    app.add_api_route("/livez", livez, methods=["GET"])
