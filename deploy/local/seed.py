"""What each node of the local network opens with: assets, liquidity, peers, wallet addresses, keys.

Everything goes through the operator's gRPC API with clients generated from the contracts. Each call
is safe to repeat: what exists is looked up first, and a deposit's id follows from its cause.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import grpc
import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.httpsig.keys import public_jwk
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import asset_service_pb2_grpc as assets_grpc
from rafiki.admin.v1 import liquidity_service_pb2 as liquidity
from rafiki.admin.v1 import liquidity_service_pb2_grpc as liquidity_grpc
from rafiki.admin.v1 import peer_service_pb2 as peers
from rafiki.admin.v1 import peer_service_pb2_grpc as peers_grpc
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from rafiki.admin.v1 import wallet_address_service_pb2_grpc as wallets_grpc

from deploy.local.banks import LIQUIDITY, MAX_PACKET_AMOUNT, SETTLEMENT_ASSET, Customer
from deploy.local.environment import NodeConfig, grpc_target

CALL_S_MAX: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class SeededWallet:
    """A wallet address as it stands in the node."""

    id: str
    url: str
    customer: Customer


class Seeder:
    """Seeds one node; may be run again at any time."""

    def __init__(self, node: NodeConfig, channel: grpc.aio.Channel) -> None:
        """Take the node and a channel to its operator listener."""
        self._node = node
        self._assets: Any = assets_grpc.AssetServiceStub(channel)
        self._peers: Any = peers_grpc.PeerServiceStub(channel)
        self._wallets: Any = wallets_grpc.WalletAddressAdminServiceStub(channel)
        self._liquidity: Any = liquidity_grpc.LiquidityServiceStub(channel)

    async def asset(self, code: str, scale: int) -> assets.Asset:
        """The asset, with liquidity."""
        lookup = assets.GetAssetByCodeAndScaleRequest(code=code, scale=scale)
        found = await _find(self._assets.GetAssetByCodeAndScale, lookup)
        if found is None:
            found = await self._assets.CreateAsset(
                assets.CreateAssetRequest(
                    code=code, scale=scale, idempotency_key=self._key("asset", code, str(scale))
                ),
                timeout=CALL_S_MAX,
            )
        deposit = self._key("asset-liquidity", found.id)
        request = liquidity.DepositAssetLiquidityRequest(
            id=deposit, asset_id=found.id, amount=LIQUIDITY, idempotency_key=deposit
        )
        if found.liquidity == 0:
            await self._liquidity.DepositAssetLiquidity(request, timeout=CALL_S_MAX)
        asset: assets.Asset = found
        return asset

    async def peer(self, other: NodeConfig, asset: assets.Asset) -> peers.Peer:
        """The other node as a peer that packets are exchanged with in an asset."""
        lookup = peers.GetPeerByAddressAndAssetRequest(
            static_ilp_address=other.bank.ilp_address, asset_id=asset.id
        )
        found = await _find(self._peers.GetPeerByAddressAndAsset, lookup)
        if found is None:
            found = await self._peers.CreatePeer(
                peers.CreatePeerRequest(
                    asset_id=asset.id,
                    static_ilp_address=other.bank.ilp_address,
                    name=other.bank.name,
                    incoming_auth_tokens=[self._node.secrets.peer_token],
                    outgoing=peers.PeerHttpOutgoing(
                        endpoint=f"{other.public_url}/ilp", auth_token=other.secrets.peer_token
                    ),
                    max_packet_amount=MAX_PACKET_AMOUNT,
                    initial_liquidity=LIQUIDITY,
                    idempotency_key=self._key("peer", other.bank.slug),
                ),
                timeout=CALL_S_MAX,
            )
        peer: peers.Peer = found
        return peer

    async def wallet(self, customer: Customer, asset: assets.Asset) -> SeededWallet:
        """A customer's wallet address."""
        url = self._node.wallet_address(customer.path)
        lookup = wallets.GetWalletAddressByUrlRequest(url=url)
        found = await _find(self._wallets.GetWalletAddressByUrl, lookup)
        if found is None:
            found = await self._wallets.CreateWalletAddress(
                wallets.CreateWalletAddressRequest(
                    asset_id=asset.id,
                    address=url,
                    public_name=customer.name,
                    idempotency_key=self._key("wallet", customer.path),
                ),
                timeout=CALL_S_MAX,
            )
        return SeededWallet(id=found.id, url=url, customer=customer)

    async def bind_key(self, wallet: SeededWallet, *, key_id: str, key: Ed25519PrivateKey) -> None:
        """Bind the public half of a key to a wallet address."""
        request = wallets.ListWalletAddressKeysRequest(wallet_address_id=wallet.id)
        kept = await self._wallets.ListWalletAddressKeys(request, timeout=CALL_S_MAX)
        if any(old.kid == key_id and not old.revoked for old in kept.keys):
            return
        jwk = public_jwk(key, kid=key_id)
        await self._wallets.CreateWalletAddressKey(
            wallets.CreateWalletAddressKeyRequest(
                wallet_address_id=wallet.id,
                kid=key_id,
                x=jwk["x"],
                idempotency_key=self._key("key", wallet.id, key_id),
            ),
            timeout=CALL_S_MAX,
        )

    def _key(self, *cause: str) -> str:
        """A UUID that always follows from the same cause at this node."""
        tenant = uuid.UUID(self._node.secrets.tenant_id)
        return str(uuid.uuid5(tenant, "/".join(cause)))


async def seed_node(node: NodeConfig, others: tuple[NodeConfig, ...]) -> tuple[SeededWallet, ...]:
    """Seed a node and open its customers' accounts; its wallet addresses."""
    async with grpc.aio.insecure_channel(grpc_target(node.ports.operator)) as channel:
        seeder = Seeder(node, channel)
        own = await seeder.asset(node.bank.asset_code, node.bank.asset_scale)
        settlement = await seeder.asset(*SETTLEMENT_ASSET)
        for other in others:
            await seeder.peer(other, settlement)
        seeded = tuple([await seeder.wallet(customer, own) for customer in node.bank.customers])
    await _open_accounts(node, seeded)
    return seeded


async def bind_client_key(
    node: NodeConfig, wallet: SeededWallet, *, key_id: str, key: Ed25519PrivateKey
) -> None:
    """Make a wallet address one that a client can identify itself with."""
    async with grpc.aio.insecure_channel(grpc_target(node.ports.operator)) as channel:
        await Seeder(node, channel).bind_key(wallet, key_id=key_id, key=key)


async def _open_accounts(node: NodeConfig, seeded: tuple[SeededWallet, ...]) -> None:
    headers = {"authorization": f"Bearer {node.secrets.ase_secret}"}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
        for wallet in seeded:
            account = {
                "wallet_address": wallet.url,
                "name": wallet.customer.name,
                "balance": wallet.customer.balance,
            }
            async with session.put(f"{node.ase_url}/accounts/{wallet.id}", json=account):
                pass


async def _find(call: Any, request: Any) -> Any:
    """The answer, or None when there is none."""
    try:
        return await call(request, timeout=CALL_S_MAX)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise
