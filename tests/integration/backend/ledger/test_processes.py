"""Several processes on one Postgres ledger."""

import asyncio

import pytest

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.model import NewAccount, Transfer
from services.backend.ledger.postgres.engine import PostgresLedger
from services.backend.ledger.rules.accounting import (
    allowance_account_id,
    allowance_grant,
    new_incoming_payment_accounts,
)
from services.backend.ledger.rules.chart import FLAGS, AccountCode, allowance_pool_account_id
from tests.integration.backend.ledger import workload
from tests.integration.backend.ledger.audit import applied, audit
from tests.integration.backend.ledger.processes import write

pytestmark = pytest.mark.integration


async def test_processes_with_crossing_accounts_neither_block_nor_lose(
    ledger: BatchedLedger, ledger_url: str
) -> None:
    outcomes = await asyncio.gather(
        *[write(ledger_url, seed=seed, chains=300) for seed in (1, 2, 3)]
    )
    for seed, outcome in zip((1, 2, 3), outcomes, strict=True):
        assert outcome.returncode == 0, outcome.errors
        assert outcome.statuses == dict.fromkeys(range(300), "Created")
        assert await applied(ledger_url, workload.chains(seed, 300)) == 300
    await audit(ledger_url)


async def test_the_same_chains_from_several_processes_are_applied_once(
    ledger: BatchedLedger, ledger_url: str
) -> None:
    outcomes = await asyncio.gather(*[write(ledger_url, seed=9, chains=200) for _ in range(3)])
    for number in range(200):
        statuses = sorted(outcome.statuses[number] for outcome in outcomes)
        assert statuses == ["Created", "Exists", "Exists"]
    assert await applied(ledger_url, workload.chains(9, 200)) == 200
    await audit(ledger_url)


async def test_no_interleaving_overdraws_an_account(ledger: BatchedLedger, ledger_url: str) -> None:
    """Engines of their own stand for processes: each has its own connection and batches."""
    await ledger.create_accounts(
        [NewAccount(900 + number, 7, 3, FLAGS[AccountCode.PEER]) for number in range(2)]
    )
    funds = Transfer(901_000, workload.LEDGER, 900, 100, 7, 2)
    assert (await ledger.submit((funds,))).ok
    others = [BatchedLedger(PostgresLedger(ledger_url)) for _ in range(4)]
    results = await asyncio.gather(
        *[
            other.submit((Transfer(10_000 + 1_000 * at + number, 900, 901, 3, 7, 1),))
            for at, other in enumerate(others)
            for number in range(50)
        ]
    )
    assert sum(result.ok for result in results) == 33
    for other in others:
        await other.close()
    accounts = await ledger.lookup_accounts([900, 901])
    assert (accounts[900].debits_posted, accounts[901].credits_posted) == (99, 99)
    await audit(ledger_url)


async def test_an_incoming_payments_limit_holds_across_processes(
    ledger: BatchedLedger, ledger_url: str
) -> None:
    payment_id, asset_id = 5_000_000, 6_000_000
    pool = NewAccount(
        allowance_pool_account_id(7), 7, 102, FLAGS[AccountCode.ALLOWANCE_POOL], asset_id
    )
    accounts = new_incoming_payment_accounts(
        payment_id=payment_id, ledger=7, asset_id=asset_id, limited=True
    )
    await ledger.create_accounts([pool, *accounts])
    grant = allowance_grant(payment_id=payment_id, ledger=7, incoming_amount=50)
    assert (await ledger.submit(grant.chain)).ok
    others = [BatchedLedger(PostgresLedger(ledger_url)) for _ in range(3)]
    source = workload.account_id(0)
    allowance, sink = allowance_account_id(payment_id), allowance_pool_account_id(7)
    results = await asyncio.gather(
        *[
            other.submit(
                (
                    Transfer(20_000 + 2 * (100 * at + number), source, payment_id, 1, 7, 1),
                    Transfer(20_001 + 2 * (100 * at + number), allowance, sink, 1, 7, 4),
                )
            )
            for at, other in enumerate(others)
            for number in range(40)
        ]
    )
    assert sum(result.ok for result in results) == 50
    for other in others:
        await other.close()
    account = (await ledger.lookup_accounts([payment_id]))[payment_id]
    assert account.credits_posted == 50
    await audit(ledger_url)
