from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.admin_edge import AdminEdge, admin_edge


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[AdminEdge]:
    async with admin_edge() as running:
        yield running
