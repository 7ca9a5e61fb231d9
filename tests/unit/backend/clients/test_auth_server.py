"""A backend whose authorization server has introspection alone, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import grpc.aio
import pytest
from rafiki.grant.v1.grant_admin_service_pb2_grpc import (
    GrantAdminServiceServicer,
    add_GrantAdminServiceServicer_to_server,
)
from servicekit.errors import ServiceError, Unavailable
from servicekit.grpc_client import GrpcClientLimits, build_channel
from structlog.testing import capture_logs

from services.backend.clients.auth_server import AGAIN_S, RETRY_S, OptionalServices
from services.backend.clients.auth_tenants import AuthTenants
from services.backend.tenants.model import Tenant
from tests.support.clock import ManualClock

TENANT = Tenant(
    id=UUID(int=7),
    is_operator=False,
    api_secret="s",
    email=None,
    public_name=None,
    idp_consent_url=None,
    idp_secret=None,
    settings={},
    created_at=datetime(2030, 1, 1, tzinfo=UTC),
    deleted_at=None,
)


class Grants(GrantAdminServiceServicer):
    """One that is there, and has no grant."""

    async def GetGrant(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        del request
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such grant")


@asynccontextmanager
async def channel_to(*, grants: bool) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    if grants:
        add_GrantAdminServiceServicer_to_server(Grants(), server)  # type: ignore[abstract] # the rest is not called
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with build_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


class Waits(ManualClock):
    """Notes how long is waited, and waits until the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self.waits.put_nowait(seconds)
        await asyncio.Event().wait()


async def told(channel: grpc.aio.Channel) -> tuple[list[Any], float]:
    """What is logged of the first question, and how long it then waits."""
    clock = Waits()
    with capture_logs() as logs:
        asking = asyncio.create_task(OptionalServices(channel=channel, clock=clock).run())
        waits = await clock.waits.get()
        asking.cancel()
        await asyncio.wait([asking])
    return logs, waits


async def test_what_it_lacks_is_said_once_at_start() -> None:
    async with channel_to(grants=False) as channel:
        logs, waits = await told(channel)
    assert [(log["event"], log["service"]) for log in logs] == [
        ("auth_server_lacks", "rafiki.grant.v1.GrantAdminService")
    ]
    assert waits == AGAIN_S


async def test_of_one_that_has_all_nothing_is_said() -> None:
    async with channel_to(grants=True) as channel:
        assert await told(channel) == ([], AGAIN_S)


async def test_one_that_does_not_answer_is_asked_again_soon() -> None:
    limits = GrpcClientLimits(attempts_max=1)
    async with build_channel("127.0.0.1:1", limits=limits) as channel:
        assert await told(channel) == ([], RETRY_S)


@pytest.mark.parametrize("call", ["upsert", "delete"])
async def test_a_server_that_knows_no_tenants_needs_no_telling(call: str) -> None:
    async with channel_to(grants=False) as channel:
        await tell(AuthTenants(channel=channel), call)


@pytest.mark.parametrize("call", ["upsert", "delete"])
async def test_a_server_that_is_away_is_told_later(call: str) -> None:
    limits = GrpcClientLimits(attempts_max=1)
    async with build_channel("127.0.0.1:1", limits=limits) as channel:
        with pytest.raises(ServiceError) as failed:
            await tell(AuthTenants(channel=channel), call)
    assert isinstance(failed.value, Unavailable)


async def tell(client: AuthTenants, call: str) -> None:
    if call == "upsert":
        await client.upsert(TENANT, key="k")
    else:
        await client.delete(TENANT.id, key="k")
