"""What calls cost in statements, where everything is known and where much is kept.

A statement of something that works in the background is none of a call's, so only those that name
the tables of the directory are counted.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import peer_service_pb2 as peers
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from rafiki.openpayments.v1 import wallet_address_service_pb2 as public
from rafiki.openpayments.v1 import wallet_address_service_pb2_grpc as public_grpc
from rafiki.routing.v1 import routing_service_pb2 as routing
from servicekit.acting_tenant import LIQUIDITY_LEFT_OUT
from servicekit.database import Database

from services.backend.changes.announcement import DIRECTORY_CHANNEL
from services.backend.ledger.batching.batcher import BatchedLedger
from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, OPERATOR, key
from tests.integration.backend.directory.conftest import Bank
from tests.support.growth import add_peers, add_wallets, wallet_id

FEW, MANY = 3, 10_000
TABLES = ("tenant", "asset", "fees", "peer", "wallet_address")
Call = Callable[[], Awaitable[Any]]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements about the directory's tables, in order."""
    told: list[str] = []
    with database.count_statements() as seen:
        yield told
    told += [each for each in seen if any(table in each for table in TABLES)]


def public_of(bank: Bank) -> Any:
    return public_grpc.WalletAddressServiceStub(bank.channel)


async def test_a_known_wallet_address_costs_no_statement(bank: Bank) -> None:
    wallet = await bank.wallet((await bank.asset()).id)
    get = public.GetWalletAddressRequest(url=wallet.address)
    keys = public.GetWalletAddressKeysRequest(url=wallet.address)
    with counted(bank.database) as statements:
        await public_of(bank).GetWalletAddress(get)
    assert len(statements) == 1
    with counted(bank.database) as statements:
        assert (await public_of(bank).GetWalletAddress(get)).id == wallet.address
        await public_of(bank).GetWalletAddressKeys(keys)
        await bank.wallets.GetWalletAddress(wallets.GetWalletAddressRequest(id=wallet.id))
        by_url = wallets.GetWalletAddressByUrlRequest(url=wallet.address)
        await bank.wallets.GetWalletAddressByUrl(by_url)
    assert statements == []


async def test_an_asset_costs_no_statement(bank: Bank) -> None:
    made = await bank.asset()
    with counted(bank.database) as statements:
        assert await bank.assets.GetAsset(assets.GetAssetRequest(id=made.id)) == made
    assert statements == []


async def test_who_leaves_liquidity_out_costs_no_look_at_the_ledger(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    lookup = BatchedLedger.lookup_accounts

    async def seen(self: BatchedLedger, ids: Sequence[int]) -> Any:
        looks.append(ids)
        return await lookup(self, ids)

    asset = await bank.asset()
    wallet = await bank.wallet(asset.id)
    peer = await bank.peer(asset.id, "test.seen")
    monkeypatch.setattr(BatchedLedger, "lookup_accounts", seen)

    async def ask(*metadata: tuple[str, str]) -> None:
        rename = wallets.UpdateWalletAddressRequest(
            id=wallet.id, public_name="Another", idempotency_key=key()
        )
        await bank.wallets.UpdateWalletAddress(rename, metadata=metadata)
        await bank.assets.ListAssets(assets.ListAssetsRequest(), metadata=metadata)
        await bank.peers.GetPeer(peers.GetPeerRequest(id=peer.id), metadata=metadata)

    await ask(LIQUIDITY_LEFT_OUT)
    assert looks == []
    await ask()
    assert len(looks) == 3


async def test_one_change_costs_the_same_whatever_there_is(bank: Bank) -> None:
    """The same statements, each for one row: nothing else is read again in any process."""
    asset_id = (await bank.asset()).id
    changed = await bank.peer(asset_id, "test.changed")
    wallet = await bank.wallet(asset_id)

    async def change_peer() -> None:
        request = peers.UpdatePeerRequest(
            id=changed.id, routes=peers.PeerRoutes(prefixes=["test.via"]), idempotency_key=key()
        )
        await bank.peers.UpdatePeer(request)
        found = await bank.routing.ResolveRoute(
            routing.ResolveRouteRequest(destination="test.via.alice")
        )
        assert found.route.peer_id == changed.id

    async def change_wallet() -> None:
        request = wallets.UpdateWalletAddressRequest(
            id=wallet.id, public_name=key(), idempotency_key=key()
        )
        await bank.wallets.UpdateWalletAddress(request)
        get = public.GetWalletAddressRequest(url=wallet.address)
        assert (await public_of(bank).GetWalletAddress(get)).public_name == request.public_name

    changes: list[Call] = [change_peer, change_wallet]
    before = [await _statements(bank, change) for change in changes]
    ids = {"tenant_id": OPERATOR, "asset_id": UUID(asset_id)}
    await add_wallets(bank.database, MANY, base=OPEN_PAYMENTS_URL, **ids)
    await add_peers(bank.database, MANY, **ids)
    await bank.features.lookups.directory.reload()
    directory = bank.features.lookups.directory
    assert len(directory.snapshot.peers) == MANY + 1
    kept = directory.snapshot
    assert [await _statements(bank, change) for change in changes] == before
    # Entries of other peers are the very same: nothing was made anew.
    others = [entry for peer_id, entry in kept.peers.items() if peer_id != UUID(changed.id)]
    assert all(directory.snapshot.peers[entry.peer.id] is entry for entry in others)


async def _statements(bank: Bank, call: Call) -> list[str]:
    await call()
    with counted(bank.database) as statements:
        await call()
    return statements


async def test_a_rename_is_one_statement_and_a_question_to_the_processes(bank: Bank) -> None:
    """No transaction around it, no look for an earlier reply, no answer to oneself."""
    wallet = await bank.wallet((await bank.asset()).id)
    await bank.wallets.GetWalletAddress(wallets.GetWalletAddressRequest(id=wallet.id))
    rename = wallets.UpdateWalletAddressRequest(
        id=wallet.id, public_name="Another", idempotency_key=key()
    )
    with bank.database.count_statements() as seen:
        await bank.wallets.UpdateWalletAddress(rename)
    marks = ("wallet_addresses", "_keys.reply", "INSERT INTO idempotency_keys", "pg_notify")
    of_it = [each for each in seen if any(mark in each for mark in marks)]
    assert [each.split(" (")[0] for each in of_it] == [
        "WITH write_0 AS MATERIALIZED",
        "WITH asked AS MATERIALIZED",
    ]


async def test_a_page_of_wallet_addresses_is_one_statement_for_all(bank: Bank) -> None:
    asset_id = UUID((await bank.asset()).id)
    ids = {"tenant_id": OPERATOR, "asset_id": asset_id}
    await add_wallets(bank.database, FEW, base=OPEN_PAYMENTS_URL, **ids)
    known = bank.features.lookups.wallet_addresses
    with counted(bank.database) as statements:
        found = await known.by_ids([wallet_id(number) for number in range(1, FEW + 1)])
    assert len(found) == FEW
    assert len(statements) == 1


async def test_a_notification_that_names_no_row_is_of_everything(bank: Bank) -> None:
    """As a process of an earlier release sends them."""
    ids = {"tenant_id": OPERATOR, "asset_id": UUID((await bank.asset()).id)}
    await add_peers(bank.database, FEW, **ids)
    directory = bank.features.lookups.directory
    assert not directory.snapshot.peers
    await directory.on_notify(DIRECTORY_CHANNEL, "")
    assert len(directory.snapshot.peers) == FEW
