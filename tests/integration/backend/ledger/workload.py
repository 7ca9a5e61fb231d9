"""Chains that a seed decides, so that any process can make, repeat and check them."""

import random  # noqa: TID251 - a workload that its seed decides
from collections.abc import Sequence

from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerAccounts, LedgerWriter
from services.backend.ledger.model import NewAccount, Transfer, TransferKind, post, void
from services.backend.ledger.rules.chart import FLAGS, AccountCode

LEDGER = 7
ACCOUNTS = 12
FUNDS = 1_000_000
Chain = tuple[Transfer, ...]


def account_id(number: int) -> int:
    return derive_id("workload account", number)


async def prepare(ledger: LedgerAccounts, writer: LedgerWriter) -> None:
    """Create a settlement account and funded accounts; a repeat does nothing."""
    settlement = NewAccount(LEDGER, LEDGER, 101, FLAGS[AccountCode.SETTLEMENT])
    peers = [
        NewAccount(account_id(number), LEDGER, 3, FLAGS[AccountCode.PEER])
        for number in range(ACCOUNTS)
    ]
    results = await ledger.create_accounts([settlement, *peers])
    assert all(result.status.ok for result in results)
    for peer in peers:
        transfer = Transfer(derive_id("funds", peer.id), LEDGER, peer.id, FUNDS, LEDGER, 2)
        assert (await writer.submit((transfer,))).ok


def chains(seed: int, count: int) -> list[Chain]:
    """Return chains of one to three transfers: single ones, reserved ones, posts and voids."""
    choose = random.Random(seed)  # noqa: S311 - a workload, no secret
    made: list[Chain] = []
    for number in range(count):
        legs: list[Transfer] = []
        for at in range(choose.choice([1, 1, 2, 3])):
            debit, credit = choose.sample(range(ACCOUNTS), 2)
            transfer = Transfer(
                derive_id("workload", seed, number, at),
                account_id(debit),
                account_id(credit),
                choose.randint(1, 100),
                LEDGER,
                1,
            )
            legs.append(transfer)
        shape = choose.random()
        if shape < 0.3:
            pending = legs[-1]._replace(kind=TransferKind.PENDING)
            resolve = post if shape < 0.15 else void
            legs[-1:] = [pending, resolve(derive_id("resolve", pending.id), pending.id)]
        elif shape < 0.4:
            legs[-1] = legs[-1]._replace(kind=TransferKind.PENDING, timeout_s=3600)
        made.append(tuple(legs))
    return made


def ids(made: Sequence[Chain]) -> list[int]:
    return [transfer.id for chain in made for transfer in chain]
