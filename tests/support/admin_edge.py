"""The edge over prepared services: a signed GraphQL client, and a browser."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from servicekit.health import HealthChecks
from servicekit.hmac_signature import make_signature

from services.frontend.app import Channels, build_app, build_checks
from services.frontend.clients import open_channel
from services.frontend.settings import FrontendSettings
from tests.support.admin_messages import OPERATOR, TENANT
from tests.support.admin_services import AdminServices
from tests.support.asgi import AsgiClient, AsgiResponse
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds

SECRETS = {OPERATOR: "operator-secret", TENANT: "tenant-secret"}


@dataclass(frozen=True, kw_only=True)
class AdminEdge:
    services: AdminServices
    browser: AsgiClient
    clock: ManualClock
    health: HealthChecks
    """Of the services."""
    checks: HealthChecks
    """Of the edge."""

    async def raw(
        self,
        body: bytes,
        *,
        tenant_id: str = OPERATOR,
        headers: Mapping[str, str] | None = None,
    ) -> AsgiResponse:
        """Post a body as it is, signed by a tenant unless the headers say otherwise."""
        if headers is None:
            headers = self.signed(body, tenant_id)
        return await self.browser.send(
            "POST", "/graphql", body, {"content-type": "application/json", **headers}
        )

    def signed(self, body: bytes, tenant_id: str, secret: str | None = None) -> dict[str, str]:
        signature = make_signature(
            json.loads(body),
            secret=secret or SECRETS[tenant_id],
            version=1,
            now_ms=self.clock.now_ms(),
        )
        # A signature counts once: the same document a millisecond later has another.
        self.clock.set(self.clock.now() + timedelta(milliseconds=1))
        return {"tenant-id": tenant_id, "signature": signature}

    async def graphql(
        self, query: str, *, tenant_id: str = OPERATOR, **variables: Any
    ) -> dict[str, Any]:
        """The whole answer to a signed document."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        response = await self.raw(body, tenant_id=tenant_id)
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, *, tenant_id: str = OPERATOR, **variables: Any) -> Any:
        """The data of a document that must succeed."""
        answer = await self.graphql(query, tenant_id=tenant_id, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def code(self, query: str, *, tenant_id: str = OPERATOR, **variables: Any) -> str:
        """The code of the one error of a document that must fail."""
        answer = await self.graphql(query, tenant_id=tenant_id, **variables)
        (error,) = answer["errors"]
        code: str = error["extensions"]["code"]
        return code


def frontend_settings(**changes: Any) -> FrontendSettings:
    known: dict[str, Any] = {
        "BACKEND_GRPC_URLS": "127.0.0.1:1",
        "AUTH_GRPC_URL": "127.0.0.1:1",
        "NODE_ENV": "test",
        "OPERATOR_TENANT_ID": OPERATOR,
        "SESSION_SECRET": SecretStr("a session secret of enough characters"),
    }
    return FrontendSettings(**(known | changes))


@asynccontextmanager
async def admin_edge(**settings: Any) -> AsyncIterator[AdminEdge]:
    clock = ManualClock()
    services = AdminServices(clock=clock, operator_id=OPERATOR, secrets=SECRETS)
    health = HealthChecks(clock=clock)
    ids = SeededIds(clock)
    server = services.server(clock=clock, ids=ids, checks=health)
    port = await server.start()
    channels = Channels(
        backend=open_channel(f"127.0.0.1:{port}"), auth=open_channel(f"127.0.0.1:{port}")
    )
    checks = build_checks(channels, clock=clock)
    app = build_app(frontend_settings(**settings), channels, checks=checks, clock=clock, ids=ids)
    try:
        yield AdminEdge(
            services=services, browser=AsgiClient(app), clock=clock, health=health, checks=checks
        )
    finally:
        await channels.close()
        await server.stop(0)
