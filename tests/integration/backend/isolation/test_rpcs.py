"""Every RPC of the backend's contracts, asked by a tenant about its own and others' things."""

import pytest
from google.protobuf.descriptor import MethodDescriptor

from tests.integration.backend.isolation.recipes import name_of, of_tenants
from tests.integration.backend.isolation.walk import World, walk
from tests.integration.backend.payments.node import Node

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest.mark.parametrize("method", of_tenants(), ids=name_of)
async def test_nothing_of_another_tenant_is_read_or_changed(
    node: Node, world: World, method: MethodDescriptor
) -> None:
    await walk(world, method, node.channel)
