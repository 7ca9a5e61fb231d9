"""Every operation of the Admin API, asked by a tenant about its own and others' things."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.frontend.app import Channels, build_app, build_checks
from services.frontend.clients import open_channel
from tests.integration.backend.isolation.admin_walk import (
    OPERATIONS,
    SUBSCRIPTIONS,
    AdminCaller,
    walk,
    walk_subscription,
)
from tests.integration.backend.isolation.walk import World
from tests.integration.backend.payments.node import Node
from tests.support.admin_edge import frontend_settings
from tests.support.asgi import AsgiClient

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(node: Node, auth_target: str) -> AsyncIterator[AdminCaller]:
    """The edge of the Admin API before the real node and the real auth service."""
    channels = Channels(
        backend=open_channel(f"127.0.0.1:{node.ports.grpc}"), auth=open_channel(auth_target)
    )
    settings = frontend_settings(OPERATOR_TENANT_ID=node.tenant)
    checks = build_checks(channels, clock=node.clock)
    app = build_app(settings, channels, checks=checks, clock=node.clock)
    yield AdminCaller(AsgiClient(app))
    await channels.close()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_nothing_of_another_tenant_is_read_or_changed(
    world: World, caller: AdminCaller, operation: str
) -> None:
    await walk(world, operation, caller)


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS)
async def test_nothing_of_another_tenant_is_told(
    world: World, caller: AdminCaller, subscription: str
) -> None:
    await walk_subscription(world, subscription, caller)
