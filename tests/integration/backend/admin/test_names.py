"""Whose ILP addresses and URLs are whose: tenants, peers and wallet addresses of one node."""

import asyncio
from typing import Any

import pytest
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import peer_service_pb2 as peers
from rafiki.admin.v1 import tenant_service_pb2 as pb
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from servicekit.errors import AlreadyExists, InvalidArgument, PermissionDenied, ServiceError
from sqlalchemy import insert

from services.backend.directory.names import Names
from services.backend.tenants.tables import tenant_settings
from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, OPERATOR, World, key

NODE = "test.bank"


async def new_tenant(world: World, **settings: str) -> Any:
    request = pb.CreateTenantRequest(
        api_secret="the-tenant's-secret",
        settings=[pb.TenantSetting(key=name, value=value) for name, value in settings.items()],
        idempotency_key=key(),
    )
    return await world.tenants.CreateTenant(request)


async def rename(world: World, tenant_id: str, **settings: str) -> Any:
    request = pb.SetTenantSettingsRequest(
        tenant_id=tenant_id,
        settings=[pb.TenantSetting(key=name, value=value) for name, value in settings.items()],
        idempotency_key=key(),
    )
    return await world.tenants.SetTenantSettings(request)


async def asset_of(world: World, tenant_id: str) -> str:
    request = assets.CreateAssetRequest(
        tenant_id=tenant_id, code="USD", scale=2, idempotency_key=key()
    )
    return str((await world.assets.CreateAsset(request)).id)


async def wallet_of(world: World, tenant_id: str, asset_id: str, address: str) -> Any:
    request = wallets.CreateWalletAddressRequest(
        tenant_id=tenant_id, asset_id=asset_id, address=address, idempotency_key=key()
    )
    return await world.wallets.CreateWalletAddress(request)


async def test_a_tenants_ilp_address_is_nobody_elses(world: World) -> None:
    first = await new_tenant(world, ILP_ADDRESS=f"{NODE}.first")
    await world.peer((await world.asset()).id, f"{NODE}.child", routes=["test.away", ""])
    second = await new_tenant(world)
    for outside in (NODE, "test.other", "test.bankers.x", "g"):
        with pytest.raises(InvalidArgument):
            await rename(world, second.id, ILP_ADDRESS=outside)
    for address in ("first", "first.below", "child", "child.below"):
        with pytest.raises(AlreadyExists):
            await rename(world, second.id, ILP_ADDRESS=f"{NODE}.{address}")
    assert (await rename(world, second.id, ILP_ADDRESS=f"{NODE}.second.branch")).settings
    with pytest.raises(AlreadyExists):
        await rename(world, first.id, ILP_ADDRESS=f"{NODE}.second")
    with pytest.raises(PermissionDenied):
        await rename(world, str(OPERATOR), ILP_ADDRESS="test.other")


async def test_a_peer_takes_no_address_of_this_node(world: World) -> None:
    tenant = await new_tenant(world, ILP_ADDRESS=f"{NODE}.one")
    other = await new_tenant(world)
    ours = (await world.asset()).id
    theirs = await asset_of(world, tenant.id)
    for address in (NODE, f"{NODE}.one", f"{NODE}.one.x", f"{NODE}.{other.id}.x"):
        with pytest.raises(AlreadyExists):
            await world.peer(ours, address)
        with pytest.raises(AlreadyExists):
            await world.peer(ours, "test.peer", routes=[address])
    for address in (f"{NODE}.one", f"{NODE}.free", f"{NODE}.{other.id}"):
        with pytest.raises(AlreadyExists):
            await world.peer(theirs, address, tenant_id=tenant.id)
    child = await world.peer(ours, f"{NODE}.free")
    assert (await world.peer(theirs, f"{NODE}.one.x", tenant_id=tenant.id)).id
    # A way out of the node for the rest: packets to its own addresses never take it.
    assert (await world.peer(theirs, "test.up", tenant_id=tenant.id, routes=["", "test"])).id
    with pytest.raises(AlreadyExists):
        await world.peers.UpdatePeer(
            peers.UpdatePeerRequest(
                id=child.id, static_ilp_address=f"{NODE}.one.y", idempotency_key=key()
            )
        )


async def test_a_tenants_urls_are_its_own(world: World) -> None:
    first = await new_tenant(world, WALLET_ADDRESS_URL=f"{OPEN_PAYMENTS_URL}/First/")
    assert first.settings[0].value == f"{OPEN_PAYMENTS_URL}/first"
    second = await new_tenant(world)
    alice = await world.wallet((await world.asset()).id, "alice/home")
    for outside in (
        OPEN_PAYMENTS_URL,
        "https://bank.test/x",
        "http://bank.test.evil/x",
        f"{OPEN_PAYMENTS_URL}/ilp/x",
    ):
        with pytest.raises(InvalidArgument):
            await rename(world, second.id, WALLET_ADDRESS_URL=outside)
    for taken in ("first", "%46irst/x", "alice", "alice/home"):
        with pytest.raises(AlreadyExists):
            await rename(world, second.id, WALLET_ADDRESS_URL=f"{OPEN_PAYMENTS_URL}/{taken}")
    assert alice.address == f"{OPEN_PAYMENTS_URL}/alice/home"
    await rename(world, second.id, WALLET_ADDRESS_URL=f"{OPEN_PAYMENTS_URL}/second")


async def test_a_wallet_address_lies_below_its_tenants_url_only(world: World) -> None:
    await new_tenant(world, WALLET_ADDRESS_URL=f"{OPEN_PAYMENTS_URL}/named")
    plain = await new_tenant(world)
    ours = (await world.asset()).id
    for base in ("named", plain.id):
        with pytest.raises(AlreadyExists):
            await world.wallet(ours, f"{base}/x")
    asset_id = await asset_of(world, plain.id)
    bob = await wallet_of(world, plain.id, asset_id, "Bob")
    assert bob.address == f"{OPEN_PAYMENTS_URL}/{plain.id}/bob"
    for address in (f"{OPEN_PAYMENTS_URL}/bob", f"{OPEN_PAYMENTS_URL}/named/bob"):
        with pytest.raises(InvalidArgument):
            await wallet_of(world, plain.id, asset_id, address)


async def _one_of(*calls: Any) -> list[Any]:
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == len(calls) - 1
    assert all(isinstance(result, ServiceError) for result in refused)
    return results


async def test_a_name_taken_by_several_at_once_is_one_partys(world: World) -> None:
    first, second, third = [await new_tenant(world) for _ in range(3)]
    asset_id = (await world.asset()).id
    for round_ in range(3):
        address = f"{NODE}.r{round_}"
        await _one_of(
            rename(world, first.id, ILP_ADDRESS=address),
            rename(world, second.id, ILP_ADDRESS=f"{address}.below"),
            new_tenant(world, ILP_ADDRESS=address),
            world.peer(asset_id, f"{address}.below"),
        )
        url = f"{OPEN_PAYMENTS_URL}/r{round_}"
        await _one_of(
            rename(world, second.id, WALLET_ADDRESS_URL=url),
            rename(world, third.id, WALLET_ADDRESS_URL=f"{url}/below"),
            world.wallet(asset_id, f"r{round_}/below/x"),
        )


async def test_names_from_before_the_rules_are_reported(world: World) -> None:
    tenant = await new_tenant(world)
    names = Names(ilp_address=NODE, open_payments_url=OPEN_PAYMENTS_URL)
    assert await names.report(world.database) == []
    async with world.database.write() as session:
        await session.execute(
            insert(tenant_settings).values(tenant_id=tenant.id, key="ILP_ADDRESS", value=NODE)
        )
    (found,) = await names.report(world.database)
    assert found.startswith(f"{tenant.id}: settings ILP_ADDRESS lies below {NODE}")
