"""Where the operator points may be private; where a tenant points may not."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import web
from servicekit.clock import SystemClock
from servicekit.documents import FetchRules, outside_session
from servicekit.outbox import Delivery
from servicekit.outbox_worker import DeliveryFailed

from services.backend.clients.http import RefusedError, Sessions, fetch, new_session
from services.backend.events.worker import WebhookSender

OPERATOR, TENANT = UUID(int=1), UUID(int=2)


class Targets:
    """The operator's URL, and a tenant's that leads to the same server."""

    def __init__(self, origin: str) -> None:
        self.urls = {OPERATOR: f"{origin}/operator", TENANT: f"{origin}/tenant"}

    async def serves(self, tenant_id: UUID) -> bool:
        return tenant_id in self.urls

    def url(self, tenant_id: UUID) -> str:
        return self.urls[tenant_id]

    def timeout_ms(self, tenant_id: UUID) -> int:
        del tenant_id
        return 5_000


def delivery(tenant_id: UUID) -> Delivery:
    return Delivery(
        id=UUID(int=3),
        lane=str(tenant_id),
        ordering_key="",
        payload={"id": "1"},
        attempts=1,
        attempts_max=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        lease=UUID(int=4),
    )


async def test_a_tenants_webhook_never_reaches_the_operators_network() -> None:
    asked = list[str]()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_post("/{any}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    targets = Targets(f"http://127.0.0.1:{runner.addresses[0][1]}")
    rules = FetchRules(http_allowed=True, private_addresses_allowed=False)
    async with new_session() as own, outside_session(rules) as outside:
        own_urls = frozenset({targets.url(OPERATOR)})
        sender = WebhookSender(
            sessions=Sessions(own=own, own_urls=own_urls, outside=outside),
            targets=targets,
            clock=SystemClock(),
            secret=None,
            signature_version=1,
        )
        assert await sender.deliver(delivery(OPERATOR)) == 200
        with pytest.raises(DeliveryFailed, match="not a public address"):
            await sender.deliver(delivery(TENANT))
        with pytest.raises(RefusedError):
            await fetch(outside, "POST", targets.url(TENANT).replace("127.0.0.1", "localhost"))
    await runner.cleanup()
    assert asked == ["/operator"]
