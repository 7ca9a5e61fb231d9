"""Every list of the Admin contract, in both orders and by every kind of page, as a sort has it."""

from importlib import import_module
from itertools import product
from pkgutil import iter_modules
from typing import Any
from uuid import uuid4

import rafiki.admin.v1
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from ilpkit.httpsig.keys import private_key_from_seed, public_jwk
from rafiki.admin.v1 import (
    asset_service_pb2,
    payment_service_pb2,
    tenant_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.common.v1.paging_pb2 import PageInfo, PageRequest

from tests.integration.backend.admin.conftest import World, key, usd

ROWS = 4
CONTRACT = [
    import_module(f"rafiki.admin.v1.{module.name}")
    for module in iter_modules(rafiki.admin.v1.__path__)
    if module.name.endswith("_pb2")
]
LISTS = [
    method
    for contract in CONTRACT
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if "page" in method.input_type.fields_by_name
]


async def _fill(world: World) -> dict[str, str]:
    """Rows for each list, and what a list needs to be told."""
    first = await world.asset()
    for number in range(1, ROWS):
        await world.asset(f"A{number}")
    for number in range(ROWS):
        await world.peer(first.id, f"test.peer{number}")
        await world.assets.SetFee(
            asset_service_pb2.SetFeeRequest(
                asset_id=first.id,
                type=asset_service_pb2.FEE_TYPE_SENDING,
                fixed=number,
                idempotency_key=key(),
            )
        )
        await world.tenants.CreateTenant(
            tenant_service_pb2.CreateTenantRequest(
                # Not in the order of time, as a caller may choose it.
                id=str(uuid4()),
                api_secret=f"the-secret-of-tenant-{number}",
                idp_consent_url="https://idp.example/consent",
                idp_secret="the-secret-of-its-provider",
                idempotency_key=key(),
            )
        )
    payers = [await world.wallet(first.id) for _ in range(ROWS)]
    for number, payer in enumerate(payers):
        jwk = public_jwk(private_key_from_seed(bytes([number]) * 32), kid=f"key-{number}")
        await world.wallets.CreateWalletAddressKey(
            wallet_address_service_pb2.CreateWalletAddressKeyRequest(
                wallet_address_id=payers[0].id, kid=jwk["kid"], x=jwk["x"], idempotency_key=key()
            )
        )
        await _pay(world, payer)
    return {"asset_id": first.id, "wallet_address_id": payers[0].id}


async def _pay(world: World, payer: Any) -> None:
    """An incoming and an outgoing payment."""
    incoming = await world.payments.CreateIncomingPayment(
        payment_service_pb2.CreateIncomingPaymentRequest(
            wallet_address_id=payer.id, idempotency_key=key()
        )
    )
    await world.payments.CreateOutgoingPaymentFromIncomingPayment(
        payment_service_pb2.CreateOutgoingPaymentFromIncomingPaymentRequest(
            wallet_address_id=payer.id,
            incoming_payment=incoming.url,
            debit_amount=usd(100),
            idempotency_key=key(),
        )
    )


class AskedList:
    """One list operation."""

    def __init__(self, world: World, method: MethodDescriptor, told: dict[str, str]) -> None:
        self.name = str(method.full_name)
        self._call = next(
            getattr(stub, method.name)
            for stub in vars(world).values()
            if hasattr(stub, method.name)
        )
        self._request: Any = GetMessageClass(method.input_type)
        self._rows = next(
            field.name for field in method.output_type.fields if field.name != "page_info"
        )
        # What narrows a list is left out; what names it is needed.
        self._told = {
            name: value
            for name, value in told.items()
            if name in method.input_type.fields_by_name
            and not method.input_type.fields_by_name[name].has_presence
        }

    async def page(self, **page: Any) -> tuple[list[Any], PageInfo]:
        reply = await self._call(self._request(page=PageRequest(**page), **self._told))
        return list(getattr(reply, self._rows)), reply.page_info


def _sliced(cursors: list[str], start: int, end: int) -> PageInfo:
    found = cursors[start:end]
    if not found:
        return PageInfo()
    return PageInfo(
        start_cursor=found[0],
        end_cursor=found[-1],
        has_next_page=end < len(cursors),
        has_previous_page=start > 0,
    )


async def _check(asked: AskedList, *, ascending: bool) -> list[Any]:
    """Compare each page with the slice of the whole list, which is met row by row."""
    rows: list[Any] = []
    cursors: list[str] = []
    info = PageInfo(has_next_page=True)
    while info.has_next_page:
        after = {"cursor": cursors[-1]} if cursors else {}
        found, info = await asked.page(first=1, ascending=ascending, **after)
        rows += found
        cursors.append(info.start_cursor)
    if not found and not cursors[0]:
        return []
    assert len(rows) >= ROWS, asked.name
    for place, size in product((None, 0, 1, len(rows) - 1), (1, 2, len(rows), 100)):
        after = {} if place is None else {"cursor": cursors[place]}
        start = 0 if place is None else place + 1
        wanted = rows[start : start + size], _sliced(cursors, start, start + size)
        assert await asked.page(first=size, ascending=ascending, **after) == wanted, asked.name
        if place is not None:
            start = max(place - size, 0)
            wanted = rows[start:place], _sliced(cursors, start, place)
            assert await asked.page(last=size, ascending=ascending, **after) == wanted, asked.name
    return rows


async def test_each_page_of_each_list_is_the_slice_of_a_plain_sort(world: World) -> None:
    told = await _fill(world)
    empty = set[str]()
    for method in LISTS:
        asked = AskedList(world, method, told)
        newest_first = await _check(asked, ascending=False)
        assert await _check(asked, ascending=True) == newest_first[::-1], asked.name
        if not newest_first:
            empty.add(str(method.name))
    # Only a broken link makes such a row; its statement is made as all others are.
    assert empty == {"ListUnknownPackets"}
