"""What a backend does while a store is away: before its start, and while it serves."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from rafiki.admin.v1 import tenant_service_pb2 as pb
from rafiki.admin.v1 import tenant_service_pb2_grpc as rpc
from servicekit.clock import SystemClock
from servicekit.errors import Unauthenticated
from servicekit.grpc_client import build_channel
from servicekit.hmac_signature import make_signature
from servicekit.lifecycle import Lifecycle

from services.backend.app import BackendApp
from services.backend.migrations.run import upgrade
from services.backend.settings import BackendSettings
from tests.integration.backend.admin.conftest import ADMIN_SECRET, OPERATOR
from tests.support.postgres import free_port, running_server

BODY = {"query": "{ whoami { id } }"}


async def test_the_admin_api_goes_on_without_redis_and_still_refuses_replays(
    settings: BackendSettings,
) -> None:
    away = settings.model_copy(update={"redis_url": type(settings.redis_url)(_nowhere())})
    async with AsyncExitStack() as stack:
        ports = await BackendApp(settings=away).start(Lifecycle(stack))
        channel = build_channel(f"127.0.0.1:{ports.grpc}")
        stack.push_async_callback(channel.close)
        tenants = rpc.TenantServiceStub(channel)
        now_ms = SystemClock().now_ms()
        request = pb.VerifyApiSignatureRequest(
            tenant_id=str(OPERATOR),
            signature=make_signature(BODY, secret=ADMIN_SECRET, version=1, now_ms=now_ms),
            body=json.dumps(BODY).encode(),
        )
        assert (await tenants.VerifyApiSignature(request)).is_operator
        with pytest.raises(Unauthenticated):
            await tenants.VerifyApiSignature(request)
        reader, writer = await asyncio.open_connection("127.0.0.1", ports.http)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 200")
        assert '"status":"degraded"' in answer.replace(" ", "")


async def test_a_backend_that_is_started_first_waits_for_postgres(
    settings: BackendSettings,
) -> None:
    with running_server() as server:
        upgrade(server.url())
        url = type(settings.database_url)(server.url())
        server.kill()
        early = settings.model_copy(update={"database_url": url})
        async with AsyncExitStack() as stack:
            starting = asyncio.create_task(BackendApp(settings=early).start(Lifecycle(stack)))
            done, _ = await asyncio.wait([starting], timeout=0.5)
            assert not done
            # This thread outlives the server, which ends with the thread that started it.
            server.start()
            assert (await starting).grpc


def _nowhere() -> str:
    return f"redis://127.0.0.1:{free_port()}"
