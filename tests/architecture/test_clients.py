"""The clients by hand offer what the contracts have for operators."""

import tomllib
from pathlib import Path

import pytest
from rafiki.admin.v1 import asset_service_pb2_grpc

from tests.support.contracts import services

CLIENTS = Path(__file__).resolve().parents[2] / "clients"
NODES = (
    "python/rafiki_client/node.py",
    "go/node.go",
    "typescript/src/services.ts",
    "rust/src/node.rs",
    "java/src/main/java/org/interledger/rafiki/client/Node.java",
)
PACKAGES = ("rafiki.admin.", "rafiki.ledger.", "rafiki.routing.")
# The admin pages' own: whoever has a session there has no need of one here.
PAGES_ONLY = {"SessionService"}


@pytest.mark.parametrize("node", NODES)
def test_a_node_has_every_service_of_operators(node: str) -> None:
    text = (CLIENTS / node).read_text()
    missing = {
        service.name
        for service in services()
        if service.full_name.startswith(PACKAGES) and service.name not in text
    }
    assert missing - PAGES_ONLY == set()


def test_the_python_client_asks_for_the_grpc_that_its_code_was_generated_for() -> None:
    project = tomllib.loads((CLIENTS / "python/pyproject.toml").read_text())["project"]
    assert f"grpcio>={asset_service_pb2_grpc.GRPC_GENERATED_VERSION}" in project["dependencies"]
