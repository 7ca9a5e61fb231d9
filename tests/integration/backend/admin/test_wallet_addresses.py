"""Wallet addresses as anyone may ask for them."""

from typing import Any

import pytest
from rafiki.openpayments.v1 import wallet_address_service_pb2 as pb
from rafiki.openpayments.v1.wallet_address_service_pb2_grpc import WalletAddressServiceStub
from servicekit.errors import NotFound
from sqlalchemy import func, select

from services.backend.events.tables import webhook_events
from tests.integration.backend.admin.conftest import World


async def test_strangers_who_ask_for_what_is_not_there_leave_nothing_behind(world: World) -> None:
    public: Any = WalletAddressServiceStub(world.channel)
    for path in ("nobody", "a/b/c"):
        with pytest.raises(NotFound) as unknown:
            await public.GetWalletAddress(pb.GetWalletAddressRequest(path=path))
        assert unknown.value.reason == "UNKNOWN_WALLET_ADDRESS"
        with pytest.raises(NotFound):
            await public.GetWalletAddressKeys(pb.GetWalletAddressKeysRequest(path=path))
    async with world.database.read() as session:
        assert list(await session.scalars(select(func.count()).select_from(webhook_events))) == [0]
