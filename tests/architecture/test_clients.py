"""The clients by hand offer what the contracts have for operators."""

from pathlib import Path

import pytest

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
