"""The introspection client is installed alone: its wheel and what it declares are enough."""

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import grpc.aio
import pytest
from rafiki.introspection.v1.introspection_service_pb2_grpc import (
    add_IntrospectionServiceServicer_to_server,
)

from deploy.local.environment import ROOT
from tests.unit.token_introspection.conftest import ACTIVE, Server

FOLDER = ROOT / "clients/token-introspection/python"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
from token_introspection import ActiveToken, BlockingIntrospection
with BlockingIntrospection(sys.argv[3]) as tokens:
    found = tokens.introspect("T")
assert isinstance(found, ActiveToken)
print(found.grant_id, *(name for name in sys.modules if name in ("servicekit", "services")))
"""
IMPORTED_AS = {
    "cryptography": {"cryptography"},
    "googleapis-common-protos": {"google"},
    "grpcio": {"grpc"},
    "protobuf": {"google"},
    "pydantic": {"pydantic", "pydantic_core"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    assert UV is not None, "`make setup` installs uv"
    folder = tmp_path_factory.mktemp("wheel")
    command = (UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(FOLDER))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("token_introspection-*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


async def test_it_asks_a_server_with_nothing_else_of_ours(wheel: Path) -> None:
    server = grpc.aio.server()
    handler = Server()
    handler.reply = ACTIVE
    add_IntrospectionServiceServicer_to_server(handler, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # Without site's start-up no .pth file adds this tree: only what is named is found.
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", PROGRAM, str(wheel), packages, f"127.0.0.1:{port}"),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await program.communicate()
    await server.stop(None)
    assert printed.decode().split() == ["g"]


def test_what_it_imports_is_declared(wheel: Path) -> None:
    declared = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[>=<]", entry)[0] for entry in declared}
    allowed = set().union(*(IMPORTED_AS[name] for name in names))
    own = {path.name for path in wheel.iterdir()}
    imported = {
        module.partition(".")[0]
        for path in wheel.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - own - set(sys.stdlib_module_names) <= allowed
    assert own == {"token_introspection", "ilpkit", "rafiki"} | {
        name for name in own if name.endswith(".dist-info")
    }
