"""The example of another authorization server, in Go."""

import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc.aio
import pytest

from tests.conformance.auth_server.suite import IntrospectionSuite, Server
from tests.conformance.auth_server.tokens import read_tokens

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(600)]
FOLDER = Path(__file__).resolve().parents[3] / "clients/go"
TOKENS = FOLDER / "examples/authserver/tokens.json"
BUILD_S_MAX = 500
NO_NETWORK = re.compile(r"dial tcp|no such host|i/o timeout|connection refused")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("go is not installed: the example in Go can't be built")
    built = tmp_path_factory.mktemp("authserver") / "authserver"
    done = subprocess.run(
        ["go", "build", "-o", str(built), "./examples/authserver"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=BUILD_S_MAX,
        check=False,
    )
    if NO_NETWORK.search(done.stderr):
        pytest.skip(f"Go's modules can't be fetched: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    return built


@pytest.fixture(scope="module")
def target(program: Path) -> Iterator[str]:
    """Where it listens: it says so in its first line."""
    process = subprocess.Popen(
        [program, "127.0.0.1:0", TOKENS], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
async def server(target: str) -> AsyncIterator[Server]:
    async with grpc.aio.insecure_channel(target) as channel:
        yield Server(channel, read_tokens(TOKENS))


class TestGoServer(IntrospectionSuite):
    pass
