"""What end-to-end tests share: the network, its wallets, and the clients that drive it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets, open_client, seed
from deploy.local.open_payments import Browser, OpenPaymentsClient
from deploy.local.stack import Stack
from tests.e2e.official import FOLDER, OfficialClient
from tests.support.npm import install_packages
from tests.support.stack import stack

__all__ = ["stack"]


@pytest.fixture(scope="session")
def wallets(stack: Stack) -> Wallets:
    """Both nodes' wallet addresses, seeded as `make run` does."""
    return asyncio.run(seed(stack))


@pytest.fixture
async def app(stack: Stack, wallets: Wallets) -> AsyncIterator[tuple[OpenPaymentsClient, Browser]]:
    """The demonstration's third-party app and a customer's browser."""
    async with open_client(stack, wallets, SystemClock()) as parts:
        yield parts


@pytest.fixture(scope="session")
def official(stack: Stack, wallets: Wallets) -> Iterator[OfficialClient]:
    """The official client; skips where node or the package registry is absent."""
    install_packages(FOLDER)
    with OfficialClient(stack, wallets) as client:
        yield client
