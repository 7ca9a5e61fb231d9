"""Every RPC of a running auth service, asked at random."""

from servicekit.grpc_client import build_channel

from tests.integration.auth.conftest import INCOMING, TENANT, World
from tests.support.rpc_fuzz import fuzz

RPCS_MIN = 10


async def test_no_request_meets_a_bug(world: World) -> None:
    issued = await world.ask([INCOMING])
    value, manage = (issued.body["access_token"][name] for name in ("value", "manage"))
    known = [str(TENANT), world.client.url, value, manage.rpartition("/")[2]]
    channel = build_channel(f"127.0.0.1:{world.edge.grpc_port}")
    try:
        assert len(await fuzz(channel, known)) >= RPCS_MIN
    finally:
        await channel.close()
