"""Where the money is: every balance of both nodes and both banks at one moment."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import grpc.aio
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import asset_service_pb2_grpc as assets_grpc
from rafiki.admin.v1 import peer_service_pb2 as peers
from rafiki.admin.v1 import peer_service_pb2_grpc as peers_grpc
from rafiki.ledger.v1 import ledger_service_pb2 as ledger
from rafiki.ledger.v1 import ledger_service_pb2_grpc as ledger_grpc

from deploy.local.demo import balances
from deploy.local.environment import NodeConfig, grpc_target


@dataclass(frozen=True, kw_only=True)
class Books:
    """Balances of one node and its bank, in units of each asset."""

    peer: int
    """Liquidity of the other node as a peer."""
    assets: dict[str, int]
    """The node's own liquidity by asset code."""
    customers: dict[str, int]
    """The bank's accounts by wallet address."""
    outside: dict[str, int]
    """What came into the ledger from outside and has not left, by asset code."""
    peering_asset: str

    def unexplained(self, code: str) -> int:
        """What the ledger holds of an asset beyond its liquidity and its peers': open payments."""
        peer = self.peer if code == self.peering_asset else 0
        return self.outside[code] - self.assets[code] - peer


async def read_books(config: NodeConfig) -> Books:
    """Read everything through the operator's API and the bank's pages."""
    async with grpc.aio.insecure_channel(grpc_target(config.ports.operator)) as channel:
        asset_stub: Any = assets_grpc.AssetServiceStub(channel)
        peer_stub: Any = peers_grpc.PeerServiceStub(channel)
        asset_page = await asset_stub.ListAssets(assets.ListAssetsRequest(), timeout=30)
        peer_page = await peer_stub.ListPeers(peers.ListPeersRequest(), timeout=30)
    (peer,) = peer_page.peers
    outside = {
        # A settlement account's id is the number of its ledger.
        asset.code: -await ledger_balance(config, str(UUID(int=asset.ledger)))
        for asset in asset_page.assets
    }
    return Books(
        peer=peer.liquidity,
        assets={asset.code: asset.liquidity for asset in asset_page.assets},
        customers=await balances(config),
        outside=outside,
        peering_asset=peer.asset.code,
    )


def id_of(url: str) -> str:
    """The UUID at the end of a payment's URL."""
    return url.rstrip("/").rpartition("/")[2]


async def ledger_balance(config: NodeConfig, account_id: str) -> int:
    """What a ledger account holds: credits less debits, reservations counted as gone."""
    async with grpc.aio.insecure_channel(grpc_target(config.ports.operator)) as channel:
        stub: Any = ledger_grpc.LedgerServiceStub(channel)
        request = ledger.LookupAccountsRequest(ids=[account_id])
        answer = await stub.LookupAccounts(request, timeout=30)
    (account,) = answer.accounts
    return int(account.credits_posted) - int(account.debits_posted) - int(account.debits_pending)
