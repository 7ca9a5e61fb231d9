"""Tenants hear once when the liquidity of an asset or a peer has become low, whoever moved it."""

from base64 import urlsafe_b64decode
from typing import Any
from uuid import uuid4

import pytest
from ilpkit.ilp.packet import Fulfill
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.exchange import Exchange
from rafiki.admin.v1 import asset_service_pb2, liquidity_service_pb2
from sqlalchemy import select

from services.backend.low_liquidity.tables import low_liquidity
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, eventually, key
from tests.integration.backend.payments.outside import Outside

pytestmark = pytest.mark.asyncio(loop_scope="module")
THRESHOLD = 100


async def asset_with_threshold(node: Node) -> Any:
    return await node.assets.CreateAsset(
        asset_service_pb2.CreateAssetRequest(
            code="USD", scale=2, liquidity_threshold=THRESHOLD, idempotency_key=key()
        )
    )


async def withdraw(node: Node, asset: Any, value: int) -> None:
    request = liquidity_service_pb2.WithdrawAssetLiquidityRequest(
        id=str(uuid4()), asset_id=asset.id, amount=value, idempotency_key=key()
    )
    await node.liquidity.WithdrawAssetLiquidity(request)


async def test_each_crossing_is_told_once(new_node: NewNode, outside: Outside) -> None:
    node = await new_node()
    beside = await new_node(beside=node)
    asset = await asset_with_threshold(node)

    async def told() -> int:
        node.clock.jump(1)
        return len(outside.types_of(asset.id))

    async def marked() -> bool:
        node.clock.jump(1)
        async with node.features.database.read() as session:
            found = await session.execute(select(low_liquidity))
            return asset.id in {str(row.account_id) for row in found.all()}

    await node.deposit(asset, 150)
    await withdraw(beside, asset, 50)
    await eventually(told, lambda count: count == 1)
    await withdraw(node, asset, 10)
    await beside.deposit(asset, 100)
    await eventually(marked, lambda low: not low)
    await withdraw(node, asset, 91)
    await eventually(told, lambda count: count == 2)
    assert outside.types_of(asset.id) == ["asset.liquidity_low"] * 2
    assert outside.data_of(asset.id)[1] == {
        "id": asset.id,
        "asset": {"id": asset.id, "code": "USD", "scale": 2},
        "liquidityThreshold": "100",
        "balance": "99",
    }


async def test_what_packets_take_from_a_peer_is_told_too(
    new_node: NewNode, outside: Outside
) -> None:
    node = await new_node()
    asset = await node.asset(liquidity=1_000)
    peer = await node.peer(
        asset,
        "test.giver",
        url="http://127.0.0.1:1/",
        balance=100,
        liquidity_threshold=THRESHOLD - 50,
    )
    incoming = await node.incoming(await node.wallet(asset))
    method = incoming.methods[0]
    exchange = Exchange(
        keys=StreamKeys(urlsafe_b64decode(method.shared_secret + "=")),
        destination=method.ilp_address,
        random_bytes=lambda size: (uuid4().bytes * 2)[:size],
    )
    packet = exchange.request(
        amount=60, minimum=60, expires_at_ms=node.clock.now_ms() + 20_000
    ).prepare
    assert isinstance(await node.post_packet("test.giver", packet), Fulfill)

    async def told() -> list[str]:
        node.clock.jump(1)
        return outside.types_of(peer.id)

    await eventually(told, bool)
    assert outside.data_of(peer.id)[0]["balance"] == "40"


async def test_a_process_that_starts_looks_at_all(new_node: NewNode, outside: Outside) -> None:
    node = await new_node()
    asset = await asset_with_threshold(node)
    await node.deposit(asset, 50)
    await node.restart()

    async def told() -> int:
        node.clock.jump(1)
        return len(outside.types_of(asset.id))

    await eventually(told, lambda count: count == 1)
