"""A real Postgres for tests: one server a pytest process, one database a test module.

Import the fixtures into a conftest.py: `from tests.support.postgres import database_url,
postgres_server`. Crash tests start a `PostgresServer` of their own, with fsync on.
"""

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.local.postgres import LOOPBACK, PostgresServer

# Nothing of a test's data has to survive the machine.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_server(settings: dict[str, str] | None = None) -> Iterator[PostgresServer]:
    """Run a server in a temporary folder and remove both afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="rafiki-postgres-"))
    folder.chmod(0o755)  # as root the server runs as another user, who must get in
    server = PostgresServer(
        folder / "data",
        free_port(),
        folder / "postgres.log",
        password=secrets.token_hex(8),
        settings=FAST_SETTINGS if settings is None else settings,
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def execute(url: str, *statements: str) -> None:
    """Run statements, each in its own transaction, from code that is not async."""

    async def run() -> None:
        connection: Any = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    run_sync(lambda: asyncio.run(run()))


def run_sync(work: Callable[[], None]) -> None:
    """Run work in a thread of its own, so that it may start an event loop wherever it is called."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(work).result()


class TestPostgres:
    """A server with templates: a schema is migrated once and copied for each test module."""

    __test__ = False

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._names = itertools.count(1)
        self._templates: dict[str, str] = {}

    def create_database(self, template: str = "template1") -> str:
        """Create a database as a copy of a template and return its URL."""
        name = f"test_{os.getpid()}_{next(self._names)}"
        execute(self.server.url(), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.server.url(name)

    def template(self, name: str, build: Callable[[str], None]) -> str:
        """Return the template of this name; the first call creates it with `build(url)`."""
        if name not in self._templates:
            url = self.create_database()
            build(url)
            self._templates[name] = url.rpartition("/")[2]
        return self._templates[name]

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected."""
        name = url.rpartition("/")[2]
        execute(self.server.url(), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestPostgres]:
    """One server for all tests of this process."""
    with running_server() as server:
        yield TestPostgres(server)


@pytest.fixture(scope="module")
def database_url(postgres_server: TestPostgres) -> Iterator[str]:
    """An empty database for one test module."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
