"""This product's own authorization server behind Envoy."""

import json

import pytest

from tests.conformance.auth_server.grants_suite import GnapServer, GrantSuite
from tests.integration.auth.conftest import (
    INCOMING,
    TENANT,
    auth_database_url,
    migrated_url,
    postgres_server,
    redis_url,
    settings,
    valkey_server,
)
from tests.integration.auth.test_through_envoy import Node, node

__all__ = [
    "auth_database_url",
    "migrated_url",
    "node",
    "postgres_server",
    "redis_url",
    "settings",
    "valkey_server",
]

pytestmark = pytest.mark.conformance


@pytest.fixture
async def gnap(node: Node) -> GnapServer:
    async def is_active(token: str) -> bool:
        raw = json.dumps({"access_token": token}).encode()
        headers = {"content-type": "application/json"}
        _, found = await node.send("POST", f"{node.operator}/introspect", raw, headers)
        return bool(found["active"])

    return GnapServer(
        endpoint=f"{node.public}/{TENANT}",
        identifier=str(INCOMING["identifier"]),
        client=node.client,
        http=node.http,
        is_active=is_active,
    )


class TestRafiki(GrantSuite):
    pass
