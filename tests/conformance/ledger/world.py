"""What the conformance tests stand on: an engine, fresh names and short ways to say things."""

import itertools
import secrets
from collections.abc import Awaitable, Callable

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.errors import AccountStatus, TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerEngine
from services.backend.ledger.model import (
    LEDGER_MAX,
    ChainResult,
    NewAccount,
    Transfer,
    TransferKind,
)
from services.backend.ledger.rules.chart import AccountCode, TransferCode, new_account

PassTime = Callable[[float], Awaitable[None]]
Balances = tuple[int, int, int, int]


class World:
    """One test's view of a ledger that other tests may use too: all its names are its own."""

    def __init__(self, engine: LedgerEngine, pass_time: PassTime) -> None:
        self.engine = engine
        self.ledger = BatchedLedger(engine)
        self._pass_time = pass_time
        self.asset = 1 + secrets.randbelow(LEDGER_MAX)
        self.other_asset = 1 + secrets.randbelow(LEDGER_MAX)
        self._seed = secrets.token_bytes(16)
        self._counter = itertools.count(1)

    def id(self) -> int:
        """A fresh id."""
        return derive_id("conformance", self._seed, next(self._counter))

    async def pass_time(self, seconds: float) -> None:
        """Let a little more time pass: timestamps run ahead of a clock that stands still."""
        await self._pass_time(seconds + 0.001)

    async def create(self, *accounts: NewAccount) -> None:
        results = await self.ledger.create_accounts(accounts)
        assert [result.status for result in results] == [AccountStatus.CREATED] * len(accounts)

    async def account(
        self,
        code: AccountCode = AccountCode.PEER,
        *,
        asset: int | None = None,
        funds: int = 0,
        account_id: int | None = None,
    ) -> int:
        """Create an account; `funds` come from a settlement account of its own."""
        asset = self.asset if asset is None else asset
        account = new_account(
            code, account_id=account_id or self.id(), ledger=asset, asset_id=self.id()
        )
        await self.create(account)
        if funds:
            source = await self.account(AccountCode.SETTLEMENT, asset=asset)
            await self.ok(self.single(source, account.id, funds, asset=asset))
        return account.id

    def single(
        self, debit_id: int, credit_id: int, amount: int, *, asset: int | None = None
    ) -> Transfer:
        asset = self.asset if asset is None else asset
        code = int(TransferCode.TRANSFER)
        return Transfer(self.id(), debit_id, credit_id, amount, asset, code)

    def pending(
        self, debit_id: int, credit_id: int, amount: int, *, timeout_s: int = 0
    ) -> Transfer:
        transfer = self.single(debit_id, credit_id, amount)
        return transfer._replace(kind=TransferKind.PENDING, timeout_s=timeout_s)

    async def submit(self, *chain: Transfer) -> ChainResult:
        return await self.ledger.submit(chain)

    async def ok(self, *chain: Transfer) -> ChainResult:
        result = await self.ledger.submit(chain)
        assert result.status is TransferStatus.CREATED, result
        return result

    async def refused(self, status: TransferStatus, *chain: Transfer, at: int = 0) -> None:
        result = await self.ledger.submit(chain)
        assert (result.status, result.failed_at, result.length) == (status, at, len(chain))

    async def balances(self, account_id: int) -> Balances:
        """Debits pending and posted, credits pending and posted."""
        account = (await self.ledger.lookup_accounts([account_id]))[account_id]
        return (
            account.debits_pending,
            account.debits_posted,
            account.credits_pending,
            account.credits_posted,
        )

    async def exists(self, transfer_id: int) -> bool:
        return transfer_id in await self.ledger.lookup_transfers([transfer_id])
