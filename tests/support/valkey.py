"""A real Valkey for tests: one server a pytest process, emptied before each test module.

Import the fixtures into a conftest.py: `from tests.support.valkey import redis_url, valkey_server`.
"""

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.valkey import LOOPBACK, ValkeyServer
from tests.support.postgres import free_port


@contextlib.contextmanager
def running_valkey() -> Iterator[ValkeyServer]:
    """Run a server in a temporary folder and remove both afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="rafiki-valkey-"))
    server = ValkeyServer(free_port(), folder / "data", folder / "valkey.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """One server for all tests of this process."""
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="module")
def redis_url(valkey_server: ValkeyServer) -> str:
    """An empty Valkey for one test module."""
    with socket.create_connection((LOOPBACK, valkey_server.port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64) == b"+OK\r\n"
    return valkey_server.url
