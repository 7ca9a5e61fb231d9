"""An incoming payment's books: opened once, counted, and closed for good under traffic."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.backend.connector.context import peer_side
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.model import Transfer
from services.backend.ledger.rules.accounting import allowance_account_id, transfer
from services.backend.ledger.rules.chart import TransferCode
from tests.support.packet_world import PacketWorld


class Busy:
    """A world in which a packet comes between each look at the ledger and what is done then."""

    def __init__(self, world: PacketWorld) -> None:
        self.world = world
        self.packets = 0
        self.allowance = 0
        self.submit = world.ledger.submit
        world.ledger.submit = self._submit  # type: ignore[method-assign] # see above

    async def start(self, incoming_amount: int | None) -> None:
        usd = await self.world.add_asset("USD", 2)
        self.peer = await self.world.add_peer(usd, "test.bank", balance=1_000_000)
        self.ledger_number = usd.ledger
        self.payable = await self.world.add_payment(usd, incoming_amount)
        self.allowance = allowance_account_id(self.payable.id.int)

    async def packet(self, amount: int = 10) -> TransferStatus:
        plan = transfer(
            transfer_id=self.world.ids.uuid().int,
            source=peer_side(self.peer),
            destination=self.payable.side,
            source_amount=amount,
            destination_amount=amount,
            allowance_account_id=self.allowance,
        )
        self.packets += 1
        return plan.explain(await self.submit(plan.chain))

    async def _submit(self, chain: Sequence[Transfer], **opening: Any) -> Any:
        if chain[0].code == TransferCode.ALLOWANCE and chain[0].debit_account_id == self.allowance:
            for _ in range(3):
                await self.packet()
        return await self.submit(chain, **opening)


@pytest.mark.parametrize("incoming_amount", [None, 100_000, 95])
async def test_closing_comes_to_an_end_however_many_packets_arrive(
    incoming_amount: int | None,
) -> None:
    busy = Busy(PacketWorld())
    await busy.start(incoming_amount)
    books = IncomingBooks(busy.world.ledger)
    final = await books.close(busy.payable.id, busy.ledger_number)
    assert busy.packets < 40
    assert await busy.packet(1) is TransferStatus.ALLOWANCE_EXCEEDED
    assert await busy.world.received(busy.payable) == final


async def test_closing_again_changes_nothing() -> None:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    payable = await world.add_payment(usd, 500)
    assert [await world.books.close(payable.id, usd.ledger) for _ in range(3)] == [0, 0, 0]
    counted = (await world.books.counts([payable.id]))[payable.id]
    assert (counted.left, counted.exhausted) == (0, True)


async def test_an_open_payment_is_not_exhausted() -> None:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    payable = await world.add_payment(usd, None)
    assert not (await world.books.counts([payable.id]))[payable.id].exhausted


async def test_opening_again_grants_nothing_more() -> None:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    payable = await world.add_payment(usd, 500)
    await world.books.open(payable.id, usd, 500)
    account_id = allowance_account_id(payable.id.int)
    allowance = (await world.ledger.lookup_accounts([account_id]))[account_id]
    assert allowance.credits_posted == 500
