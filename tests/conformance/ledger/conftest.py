"""Fixtures of the ledger's conformance tests."""

from collections.abc import Iterator

import pytest

from services.backend.migrations.run import upgrade
from tests.support.postgres import TestPostgres, postgres_server
from tests.support.tigerbeetle import pytest_terminal_summary, tigerbeetle_cluster

__all__ = ["postgres_server", "pytest_terminal_summary", "tigerbeetle_cluster"]


@pytest.fixture(scope="module")
def ledger_url(postgres_server: TestPostgres) -> Iterator[str]:
    """A database with the ledger's schema, for one test module."""
    template = postgres_server.template("ledger", lambda url: upgrade(url, "0100_apply_batch"))
    url = postgres_server.create_database(template)
    yield url
    postgres_server.drop_database(url)
