"""What is known of the largest packets that peers let pass, in memory and for other processes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.backend.quotes.path_limits import LIFETIME, READ_AGAIN, PathLimits
from tests.integration.backend.payments.conftest import Banks

pytestmark = pytest.mark.asyncio(loop_scope="module")


def limits(banks: Banks) -> PathLimits:
    """As another process of the near node has them."""
    return PathLimits(
        database=banks.near.features.database,
        directory=banks.near.features.lookups.directory,
        clock=banks.clock,
    )


async def test_a_limit_is_known_at_once_where_it_was_learned_and_soon_elsewhere(
    banks: Banks,
) -> None:
    here, elsewhere = limits(banks), limits(banks)
    peer, asset = UUID(banks.near_peer.id), UUID(banks.near_asset.id)
    learned: dict[str, Any] = {
        "tenant_id": UUID(banks.near.tenant),
        "destination": f"{banks.far.settings.ilp_address}.bob",
        "asset_id": asset,
    }
    assert await here.of(peer, asset) is None
    assert await elsewhere.of(peer, asset) is None
    await here.learned(**learned, amount=70)
    with banks.near.features.database.count_statements() as statements:
        assert await here.of(peer, asset) == 70
        assert await elsewhere.of(peer, asset) is None
    assert statements == []
    banks.clock.jump(READ_AGAIN.total_seconds() + 1)
    assert await elsewhere.of(peer, asset) == 70
    await elsewhere.learned(**learned, amount=60)
    assert await elsewhere.of(peer, asset) == 60
    banks.clock.jump((LIFETIME + timedelta(minutes=2)).total_seconds())
    assert await elsewhere.of(peer, asset) is None


async def test_nothing_is_learned_of_a_path_that_no_peer_is_on(banks: Banks) -> None:
    here = limits(banks)
    await here.learned(
        tenant_id=UUID(banks.near.tenant),
        destination=f"{banks.near.settings.ilp_address}.alice",
        asset_id=UUID(banks.near_asset.id),
        amount=1,
    )
    assert await here.of(UUID(banks.near_peer.id), UUID(banks.near_asset.id)) is None
