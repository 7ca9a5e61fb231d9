"""The command line: migrate, serve with one and two workers, end in order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest

from tests.support.postgres import TestPostgres, free_port

ROOT = Path(__file__).resolve().parents[3]
READY_S_MAX = 60


def environment(database_url: str, redis_url: str, **changes: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(
            str(ROOT / part) for part in ("libs", "generated/python", ".")
        ),
        "AUTH_DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "AUTH_SERVER_URL": "http://auth.test",
        "COOKIE_KEY": "a-cookie-key-for-tests",
        "IDENTITY_SERVER_URL": "http://idp.test",
        "IDENTITY_SERVER_SECRET": "s",
        "NODE_ENV": "test",
        "OPERATOR_TENANT_ID": str(UUID(int=1)),
        "ADMIN_API_SECRET": "s",
        **changes,
    }


async def command(variables: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.auth",
        *arguments,
        cwd=ROOT,
        env=variables,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def running(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await command(variables)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def healthy(port: int) -> None:
    async with asyncio.timeout(READY_S_MAX), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/healthz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


def two_free_ports() -> int:
    """A free port whose next one is free too."""
    while True:
        base = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", base + 1))
            except OSError:
                continue
        return base


@pytest.fixture
def empty_database(postgres_server: TestPostgres) -> str:
    return postgres_server.create_database()


async def test_wrong_settings_end_with_a_remedy(redis_url: str) -> None:
    process = await command(environment("postgresql://u:p@127.0.0.1/x", redis_url, COOKIE_KEY=""))
    _, text = await process.communicate()
    assert process.returncode == 2
    assert b"COOKIE_KEY" in text
    process = await command({}, "destroy")
    await process.communicate()
    assert process.returncode == 2


async def test_migrate_and_serve_until_told_to_stop(empty_database: str, redis_url: str) -> None:
    port = free_port()
    variables = environment(
        empty_database,
        redis_url,
        AUTH_PORT=str(port),
        GRPC_PORT="0",
        ENABLE_MANUAL_MIGRATIONS="true",
    )
    for _ in range(2):
        migrated = await command(variables, "migrate")
        _, text = await migrated.communicate()
        assert migrated.returncode == 0, text
    async with running(variables) as process:
        await healthy(port)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_two_workers_have_ports_of_their_own(empty_database: str, redis_url: str) -> None:
    base = two_free_ports()
    variables = environment(
        empty_database, redis_url, AUTH_PORT=str(base), GRPC_PORT="0", WORKERS="2"
    )
    async with running(variables) as process:
        await healthy(base)
        await healthy(base + 1)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
