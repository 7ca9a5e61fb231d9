"""Fixtures of the ledger's integration tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.postgres.engine import PostgresLedger
from services.backend.migrations.run import upgrade
from tests.integration.backend.ledger import workload
from tests.support.postgres import TestPostgres, postgres_server, running_server

__all__ = ["postgres_server"]


@pytest.fixture
def ledger_url(postgres_server: TestPostgres) -> Iterator[str]:
    """A database with the ledger's schema, for one test."""
    template = postgres_server.template("ledger", lambda url: upgrade(url, "0100_apply_batch"))
    url = postgres_server.create_database(template)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[BatchedLedger]:
    """A ledger with the workload's accounts."""
    ledger = BatchedLedger(PostgresLedger(ledger_url))
    await workload.prepare(ledger, ledger)
    yield ledger
    await ledger.close()


@pytest.fixture(scope="module")
def durable_server() -> Iterator[TestPostgres]:
    """A server that may be killed: everything is written to disk before it is answered."""
    with running_server({"fsync": "on", "full_page_writes": "on"}) as server:
        yield TestPostgres(server)
