"""The service as a process: its settings, its health, its end."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rafiki.admin.v1 import asset_service_pb2
from servicekit.clock import SystemClock
from servicekit.health import HealthChecks
from servicekit.hmac_signature import make_signature
from servicekit.ids import SystemIds

from tests.support import admin_node
from tests.support.admin_edge import SECRETS
from tests.support.admin_messages import OPERATOR
from tests.support.admin_services import AdminServices
from tests.support.postgres import free_port

ROOT = Path(__file__).resolve().parents[3]
SESSION_SECRET = "a session secret of enough characters"
WHOAMI = {"query": "{ whoami { id } }"}
CONNECTION_REFUSED_WAIT_S = 0.05

pytestmark = pytest.mark.integration


def environment(**changes: str | None) -> dict[str, str]:
    known: dict[str, str | None] = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "libs", ROOT / "generated/python", ROOT))),
        "LOG_LEVEL": "warning",
        "NODE_ENV": "test",
        "OPERATOR_TENANT_ID": OPERATOR,
        "SESSION_SECRET": SESSION_SECRET,
        "BACKEND_GRPC_URLS": "127.0.0.1:1",
        "AUTH_GRPC_URL": "127.0.0.1:1",
    }
    return {name: value for name, value in (known | changes).items() if value is not None}


async def spawn(**changes: str | None) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.frontend",
        env=environment(**changes),
        cwd=Path(__file__).parent,  # no .env there
        stdout=PIPE,
        stderr=PIPE,
    )


@asynccontextmanager
async def running() -> AsyncIterator[tuple[AdminServices, Process, str]]:
    """The process over services of this one."""
    clock = SystemClock()
    services = AdminServices(clock=clock, operator_id=OPERATOR, secrets=SECRETS)
    admin_node.prepare(services)
    server = services.server(clock=clock, ids=SystemIds(clock), checks=HealthChecks(clock=clock))
    target, port = f"127.0.0.1:{await server.start()}", free_port()
    process = await spawn(
        PORT=str(port), BACKEND_GRPC_URLS=f"{target},{target}", AUTH_GRPC_URL=target
    )
    base = f"http://127.0.0.1:{port}"
    try:
        await _listening(process, base)
        yield services, process, base
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        await server.stop(0)


async def _listening(process: Process, base: str) -> None:
    async with aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"{base}/healthz"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(CONNECTION_REFUSED_WAIT_S)
    raise AssertionError(await process.communicate())


def signed(body: dict[str, Any]) -> dict[str, str]:
    now_ms = time.time_ns() // 1_000_000
    signature = make_signature(body, secret=SECRETS[OPERATOR], version=1, now_ms=now_ms)
    return {"tenant-id": OPERATOR, "signature": signature}


async def test_it_serves_both_apis_and_ends_in_order() -> None:
    async with running() as (_, process, base), aiohttp.ClientSession() as session:
        async with session.get(f"{base}/healthz") as response:
            assert (response.status, (await response.json())["status"]) == (200, "ok")
        async with session.post(f"{base}/graphql", json=WHOAMI, headers=signed(WHOAMI)) as response:
            assert await response.json() == {"data": {"whoami": {"id": OPERATOR}}}
        async with session.post(f"{base}/graphql", json=WHOAMI) as response:
            assert (response.status, await response.text()) == (401, "Unauthorized")
        async with session.get(f"{base}/assets") as response:
            assert response.url.path == "/login"
        async with session.get(f"{base}/metrics") as response:
            assert 'rafiki_admin_seconds_count{surface="graphql"} 2.0' in await response.text()
            assert "server" not in response.headers
        process.send_signal(signal.SIGTERM)
        output, errors = await process.communicate()
        assert process.returncode == 0, (output, errors)
        assert SESSION_SECRET.encode() not in output + errors


async def test_what_runs_at_sigterm_is_answered_first() -> None:
    async with running() as (services, process, base), aiohttp.ClientSession() as session:
        asked, answered = asyncio.Event(), asyncio.Event()
        plain = services.answer

        async def slow(rpc: str, request: Any) -> Any:
            if rpc == "ListAssets":
                asked.set()
                await answered.wait()
                return asset_service_pb2.ListAssetsResponse()
            return await plain(rpc, request)

        services.answer = slow  # type: ignore[method-assign]  # holds one reply back
        body = {"query": "{ assets { edges { cursor } } }"}

        async def call() -> Any:
            async with session.post(f"{base}/graphql", json=body, headers=signed(body)) as reply:
                return await reply.json()

        call_task = asyncio.create_task(call())
        await asked.wait()
        process.send_signal(signal.SIGTERM)
        await _refused(base)
        answered.set()
        assert await call_task == {"data": {"assets": {"edges": []}}}
        await process.communicate()
        assert process.returncode == 0


async def _refused(base: str) -> None:
    """Return once new connections are refused: the process has taken the signal."""
    while True:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{base}/healthz"):
                await asyncio.sleep(CONNECTION_REFUSED_WAIT_S)
        except aiohttp.ClientConnectionError:
            return


async def test_without_its_services_it_serves_and_says_that_it_is_not_well() -> None:
    port = free_port()
    process = await spawn(PORT=str(port))
    try:
        base = f"http://127.0.0.1:{port}"
        await _listening(process, base)
        async with aiohttp.ClientSession() as session, session.get(f"{base}/healthz") as response:
            assert response.status == 503
            assert (await response.json())["status"] == "failed"
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SESSION_SECRET", None, b"SESSION_SECRET is not set"),
        ("SESSION_SECRET", "too short", b"SESSION_SECRET"),
        ("BACKEND_GRPC_URLS", "one:1,two:2", b"IPv4"),
        ("OPERATOR_TENANT_ID", "me", b"OPERATOR_TENANT_ID"),
    ],
)
async def test_wrong_settings_end_it_with_their_names_and_no_secret(
    name: str, value: str | None, told: bytes
) -> None:
    process = await spawn(**{name: value})
    output, errors = await process.communicate()
    assert process.returncode == 2
    assert told in errors
    assert b"too short" not in output + errors
