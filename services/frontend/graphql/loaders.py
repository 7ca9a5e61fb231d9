"""Look-ups that many fields of one request share.

Balances come in batches from the ledger. Tenants and fees have no batch call: a loader asks once
for each, however many rows name it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from google.protobuf.message import Message
from rafiki.admin.v1 import asset_service_pb2, tenant_service_pb2
from rafiki.common.v1 import paging_pb2
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from servicekit.errors import NotFound
from strawberry.dataloader import DataLoader

Call: TypeAlias = Callable[[str, Message], Awaitable[Any]]

ACCOUNTS_PER_CALL_MAX: Final = 1000
FEES_PER_CALL: Final = 100
FEE_CALLS_MAX: Final = 10

Fees = dict[int, asset_service_pb2.Fee]
"""The newest fee of each type."""


class Loaders:
    """The loaders of one request."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.balances: DataLoader[str, int | None] = DataLoader(
            self._load_balances, max_batch_size=ACCOUNTS_PER_CALL_MAX
        )
        self.tenants: DataLoader[str, tenant_service_pb2.Tenant | None] = DataLoader(
            self._load_tenants
        )
        self.fees: DataLoader[str, Fees] = DataLoader(self._load_fees)

    async def _load_balances(self, ids: list[str]) -> list[int | None]:
        reply = await self._call(
            "LookupAccounts", ledger_service_pb2.LookupAccountsRequest(ids=ids)
        )
        balances = {account.id: balance(account) for account in reply.accounts}
        return [balances.get(account_id) for account_id in ids]

    async def _load_tenants(self, ids: list[str]) -> list[tenant_service_pb2.Tenant | None]:
        return await asyncio.gather(*map(self._tenant, ids))

    async def _tenant(self, tenant_id: str) -> tenant_service_pb2.Tenant | None:
        try:
            found: tenant_service_pb2.Tenant = await self._call(
                "GetTenant", tenant_service_pb2.GetTenantRequest(id=tenant_id)
            )
        except NotFound:
            return None
        return found

    async def _load_fees(self, asset_ids: list[str]) -> list[Fees]:
        return await asyncio.gather(*map(self._newest_fees, asset_ids))

    async def _newest_fees(self, asset_id: str) -> Fees:
        newest: Fees = {}
        page = paging_pb2.PageRequest(first=FEES_PER_CALL)
        types = len(asset_service_pb2.FeeType.values()) - 1
        for _ in range(FEE_CALLS_MAX):
            reply = await self._call(
                "ListFees", asset_service_pb2.ListFeesRequest(asset_id=asset_id, page=page)
            )
            for fee in reply.fees:
                newest.setdefault(fee.type, fee)
            if len(newest) == types or not reply.page_info.has_next_page:
                break
            page = paging_pb2.PageRequest(cursor=reply.page_info.end_cursor, first=FEES_PER_CALL)
        return newest


def balance(account: ledger_pb2.Account) -> int:
    """What an account is good for, in its asset's units; never below zero for a client's eyes."""
    debits = int(account.debits_posted) + int(account.debits_pending)
    return max(0, int(account.credits_posted) - debits)
