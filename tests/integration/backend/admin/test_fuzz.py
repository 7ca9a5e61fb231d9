"""Every RPC of a running backend, asked at random."""

from tests.integration.backend.admin.conftest import OPERATOR, World
from tests.support.rpc_fuzz import fuzz

RPCS_MIN = 60


async def _known_ids(world: World) -> list[str]:
    asset = await world.asset()
    wallet = await world.wallet(asset.id, "alice")
    peer = await world.peer(asset.id, "test.other")
    await world.deposit(asset.id, 1_000)
    return [str(OPERATOR), asset.id, wallet.id, wallet.address, peer.id]


async def test_no_request_meets_a_bug(world: World) -> None:
    assert len(await fuzz(world.channel, await _known_ids(world))) >= RPCS_MIN
