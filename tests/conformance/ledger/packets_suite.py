"""A packet's money: reserved, found again, entered as unknown, and resolved once."""

from collections.abc import Callable

import pytest

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.model import TransferRecord
from services.backend.ledger.rules.accounting import Plan, Side
from services.backend.ledger.rules.chart import AccountCode, TransferCode
from services.backend.ledger.rules.packets import PacketMoney, leg_ids, money_of
from tests.conformance.ledger.world import World

STATUS = TransferStatus
FAR = 2**62

Step = Callable[[PacketMoney], Plan]


class Packet:
    """One packet between two peers, across assets or within one."""

    def __init__(self, world: World, money: PacketMoney, asset_id: int) -> None:
        self.world, self.money, self.asset_id = world, money, asset_id

    async def does(self, step: Step) -> TransferStatus:
        plan = step(self.money)
        return plan.explain(await self.world.submit(*plan.chain))

    async def enter(self) -> TransferStatus:
        await self.world.ledger.create_accounts(
            [self.money.unknown_account(asset_id=self.asset_id)]
        )
        return await self.does(PacketMoney.entering)

    async def balances(self) -> tuple[int, int, int]:
        """What the source has left, what is entered, and what the peer got; nothing is pending."""
        found = await self.world.ledger.lookup_accounts(
            [
                self.money.source.account_id,
                self.money.unknown_account_id,
                self.money.peer.account_id,
            ]
        )
        good = {
            each.id: each.credits_posted - each.debits_posted - each.debits_pending
            for each in found.values()
        }
        return (
            good[self.money.source.account_id],
            good.get(self.money.unknown_account_id, 0),
            good[self.money.peer.account_id],
        )

    async def found(self, *, after: int = 0, until: int = FAR) -> list[TransferRecord]:
        """Its reservation, among all that are found."""
        records: list[TransferRecord] = []
        cursor: int | None = after
        while cursor is not None:
            page = await self.world.ledger.reservations(
                TransferCode.PACKET, after=cursor, until=until, limit=100
            )
            records += page.transfers
            cursor = page.cursor
        return [record for record in records if record.id == self.money.id]


def paying_after_all(money: PacketMoney) -> Plan:
    return money.paying_after_all(0)


async def new_packet(world: World, *, across: bool, liquidity: int = 100) -> Packet:
    asset_id = world.id()
    source = await world.account(funds=100)
    pool = await world.account(AccountCode.ASSET)
    there = world.other_asset if across else world.asset
    peer = await world.account(asset=there)
    peer_pool = await world.account(AccountCode.ASSET, asset=there, funds=liquidity)
    money = PacketMoney(
        id=world.id(),
        source=Side(account_id=source, ledger=world.asset, asset_account_id=pool),
        peer=Side(account_id=peer, ledger=there, asset_account_id=peer_pool),
        source_amount=60,
        peer_amount=40 if across else 60,
        cause_id=world.id(),
    )
    packet = Packet(world, money, asset_id)
    assert await packet.does(PacketMoney.reserving) is STATUS.CREATED
    return packet


BOTH = pytest.mark.parametrize("across", [True, False], ids=["across assets", "within an asset"])


class PacketsSuite:
    async def test_a_reservation_is_found_until_it_is_too_young(self, world: World) -> None:
        packet = await new_packet(world, across=True)
        (record,) = await packet.found()
        assert record.code == TransferCode.PACKET
        assert await packet.found(until=record.timestamp - 1) == []
        assert await packet.found(after=record.timestamp) == []
        assert await packet.found(after=record.timestamp - 1, until=record.timestamp) == [record]

    async def test_pages_of_reservations_lead_through_all_of_them(self, world: World) -> None:
        packets = [await new_packet(world, across=False) for _ in range(5)]
        seen: list[int] = []
        (first,) = await packets[0].found()
        cursor: int | None = first.timestamp - 1
        while cursor is not None:
            page = await world.ledger.reservations(
                TransferCode.PACKET, after=cursor, until=FAR, limit=2
            )
            seen += [record.id for record in page.transfers]
            cursor = page.cursor
        assert [each for each in seen if each in {p.money.id for p in packets}] == [
            packet.money.id for packet in packets
        ]

    @BOTH
    async def test_a_packets_money_is_read_back_from_its_legs(
        self, world: World, *, across: bool
    ) -> None:
        packet = await new_packet(world, across=across)
        ids = leg_ids(packet.money.id)
        legs = await packet.world.ledger.lookup_transfers(ids)
        read = money_of([legs[each] for each in ids if each in legs])
        assert read.pending_ids == packet.money.pending_ids
        assert read.posting() == packet.money.posting()
        assert read.entering() == packet.money.entering()
        assert read.giving_back() == packet.money.giving_back()
        assert read.paying_after_all(1).chain == packet.money.paying_after_all(1).chain

    @BOTH
    async def test_posting_pays_and_voiding_releases(self, world: World, *, across: bool) -> None:
        packet = await new_packet(world, across=across)
        assert await packet.balances() == (40, 0, 0)
        assert await packet.does(PacketMoney.posting) is STATUS.CREATED
        assert await packet.does(PacketMoney.posting) is STATUS.EXISTS
        assert await packet.does(PacketMoney.voiding) is STATUS.ALREADY_POSTED
        assert await packet.balances() == (40, 0, packet.money.peer_amount)

    @BOTH
    async def test_what_is_posted_can_not_be_entered(self, world: World, *, across: bool) -> None:
        packet = await new_packet(world, across=across)
        await packet.does(PacketMoney.posting)
        assert await packet.enter() is STATUS.ALREADY_POSTED
        assert await packet.balances() == (40, 0, packet.money.peer_amount)

    @BOTH
    async def test_what_is_released_can_not_be_entered(self, world: World, *, across: bool) -> None:
        packet = await new_packet(world, across=across)
        await packet.does(PacketMoney.voiding)
        assert await packet.enter() is STATUS.ALREADY_VOIDED
        assert await packet.balances() == (100, 0, 0)

    @BOTH
    async def test_entering_takes_the_amount_from_the_source_once(
        self, world: World, *, across: bool
    ) -> None:
        packet = await new_packet(world, across=across)
        assert await packet.enter() is STATUS.CREATED
        assert await packet.enter() is STATUS.EXISTS
        assert await packet.balances() == (40, 60, 0)
        assert await packet.does(PacketMoney.posting) is STATUS.ALREADY_VOIDED
        assert await packet.does(PacketMoney.voiding) is STATUS.ALREADY_VOIDED
        assert await packet.balances() == (40, 60, 0)

    @BOTH
    async def test_an_entry_is_paid_once_and_then_not_given_back(
        self, world: World, *, across: bool
    ) -> None:
        packet = await new_packet(world, across=across)
        await packet.enter()
        assert await packet.does(paying_after_all) is STATUS.CREATED
        assert await packet.does(paying_after_all) is STATUS.EXISTS
        assert await packet.does(PacketMoney.giving_back) is STATUS.TRANSFER_EXISTS
        assert await packet.balances() == (40, 0, packet.money.peer_amount)

    @BOTH
    async def test_an_entry_is_given_back_once_and_then_not_paid(
        self, world: World, *, across: bool
    ) -> None:
        packet = await new_packet(world, across=across)
        await packet.enter()
        assert await packet.does(PacketMoney.giving_back) is STATUS.CREATED
        assert await packet.does(PacketMoney.giving_back) is STATUS.EXISTS
        assert await packet.does(paying_after_all) is STATUS.TRANSFER_EXISTS
        assert await packet.balances() == (100, 0, 0)

    async def test_an_entry_is_paid_once_there_is_liquidity(self, world: World) -> None:
        packet = await new_packet(world, across=True)
        await packet.enter()
        pool = packet.money.peer.asset_account_id
        elsewhere = await world.account(asset=world.other_asset)
        await world.ok(world.single(pool, elsewhere, 100, asset=world.other_asset))
        assert await packet.does(paying_after_all) is STATUS.INSUFFICIENT_LIQUIDITY
        assert await packet.balances() == (40, 60, 0)
        await world.ok(world.single(elsewhere, pool, 100, asset=world.other_asset))
        assert await packet.does(lambda money: money.paying_after_all(1)) is STATUS.CREATED
        assert await packet.balances() == (40, 0, 40)

    @BOTH
    async def test_a_released_packet_may_still_be_paid_directly(
        self, world: World, *, across: bool
    ) -> None:
        packet = await new_packet(world, across=across)
        await packet.does(PacketMoney.voiding)
        assert await packet.does(PacketMoney.paying_again) is STATUS.CREATED
        assert await packet.does(PacketMoney.paying_again) is STATUS.EXISTS
        assert await packet.balances() == (40, 0, packet.money.peer_amount)
