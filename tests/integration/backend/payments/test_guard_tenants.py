"""A token is worth something at its own tenant's paths, for its own wallet addresses only."""

import json
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio
from rafiki.admin.v1 import asset_service_pb2, tenant_service_pb2, wallet_address_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2 as introspection

from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, id_of, key
from tests.integration.backend.payments.outside import AuthServer, Outside
from tests.integration.backend.payments.test_guard import Checked, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")
OPERATOR, FIRST, SECOND = range(3)
WHO = (OPERATOR, FIRST, SECOND)
ACTIONS = ["create", "read", "list"]


@dataclass
class Tenants:
    """The operator and two tenants of one node, each with a wallet address."""

    desk: Desk
    ids: list[str]
    wallets: list[Any]

    def give(self, *, of: int | None, names: int | None) -> None:
        """Let the token be of a tenant (None: the server tells none) and name a wallet address."""
        named = None if names is None else self.wallets[names].address
        access = [
            introspection.Access(type=kind, actions=ACTIONS, identifier=named)
            for kind in ("incoming-payment", "outgoing-payment")
        ]
        access.append(introspection.Access(type="quote", actions=["create", "read"]))
        for item in access:
            self.desk.allow(item, token=f"token-{item.type}")
            if of is not None:
                token = self.desk.auth.tokens.known[f"token-{item.type}"]
                token.tenant_id = self.ids[of]

    async def ask(self, kind: str, *, path: int, wallet: int) -> list[Checked]:
        """Create and list at a tenant's path, for a wallet address."""
        address, token = self.wallets[wallet].address, f"token-{kind}"
        where = f"/{self.ids[path]}/{kind}s"
        members: dict[str, Any] = {"walletAddress": address}
        if kind == "outgoing-payment":
            members["quoteId"] = f"{self.desk.node.settings.open_payments_url}/{uuid4()}"
        if kind == "quote":
            members |= {"receiver": "https://a.test/1/incoming-payments/1", "method": "ilp"}
        raw = json.dumps(members).encode()
        answers = [await self.desk.send("POST", where, raw, token=token)]
        if kind != "quote":
            listing = f"{where}?wallet-address={quote(address, safe='')}"
            answers.append(await self.desk.send("GET", listing, token=token))
        return answers


async def new_tenant(node: Node) -> tuple[str, Any]:
    made = await node.tenants.CreateTenant(
        tenant_service_pb2.CreateTenantRequest(
            api_secret="a secret that is long enough to be one", idempotency_key=key()
        )
    )
    tenant = str(made.id)
    asset = await node.assets.CreateAsset(
        asset_service_pb2.CreateAssetRequest(
            tenant_id=tenant, code="USD", scale=2, idempotency_key=key()
        )
    )
    wallet = await node.wallets.CreateWalletAddress(
        wallet_address_service_pb2.CreateWalletAddressRequest(
            tenant_id=tenant,
            asset_id=asset.id,
            address=f"{node.settings.open_payments_url}/{tenant}/{uuid4()}",
            idempotency_key=key(),
        )
    )
    return tenant, wallet


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(node: Node, auth_server: AuthServer, outside: Outside) -> Tenants:
    asset = await node.asset()
    desk = Desk(node, auth_server, outside, await node.wallet(asset), asset)
    others = [await new_tenant(node), await new_tenant(node)]
    return Tenants(
        desk, [node.tenant, *(id_ for id_, _ in others)], [desk.wallet, *(w for _, w in others)]
    )


@pytest.mark.parametrize("kind", ["incoming-payment", "outgoing-payment", "quote"])
@pytest.mark.parametrize("of", [*WHO, None])
async def test_path_token_and_wallet_address_are_of_one_tenant(
    tenants: Tenants, kind: str, of: int | None
) -> None:
    for named, path, wallet in product((*WHO, None), WHO, WHO):
        if named is None and kind == "outgoing-payment":
            continue  # no such grant
        tenants.give(of=of, names=named)
        names_it = kind == "quote" or named in (None, wallet)
        right = path == wallet and of in (None, path) and names_it
        for answer in await tenants.ask(kind, path=path, wallet=wallet):
            case = f"token of {of} naming {named}, path of {path}, wallet address of {wallet}"
            assert answer.status == (200 if right else 403), case


async def test_a_resource_is_reached_at_its_own_tenants_path_only(tenants: Tenants) -> None:
    desk = tenants.desk
    payment = await desk.node.incoming(desk.wallet, amount(5))
    tenants.give(of=None, names=OPERATOR)
    statuses = []
    for tenant in tenants.ids:
        path = f"/{tenant}/incoming-payments/{id_of(payment)}"
        statuses.append((await desk.send("GET", path, token="token-incoming-payment")).status)
    assert statuses == [200, 403, 403]


@pytest.mark.parametrize("of", [*WHO, None])
async def test_what_a_grant_has_spent_is_told_at_its_tenants_path(
    tenants: Tenants, of: int | None
) -> None:
    for named, path in product(WHO, WHO):
        tenants.give(of=of, names=named)
        answer = await tenants.desk.send(
            "GET", f"/{tenants.ids[path]}/outgoing-payment-grant", token="token-outgoing-payment"
        )
        right = named == path and of in (None, path)
        assert answer.status == (200 if right else 403), (of, named, path)


async def test_nothing_passes_at_a_deleted_tenant(
    new_node: NewNode, auth_server: AuthServer, outside: Outside
) -> None:
    node = await new_node("deleting")
    asset = await node.asset()
    desk = Desk(node, auth_server, outside, await node.wallet(asset), asset)
    tenant, wallet = await new_tenant(node)
    tenants = Tenants(desk, [tenant], [wallet])
    tenants.give(of=0, names=0)
    kinds = ("incoming-payment", "outgoing-payment", "quote")
    before = [a.status for kind in kinds for a in await tenants.ask(kind, path=0, wallet=0)]
    assert before == [200] * 5
    await node.tenants.DeleteTenant(
        tenant_service_pb2.DeleteTenantRequest(id=tenant, idempotency_key=key())
    )
    after = [a.status for kind in kinds for a in await tenants.ask(kind, path=0, wallet=0)]
    assert after == [404] * 5
