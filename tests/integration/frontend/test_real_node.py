"""The Admin API and the admin UI of a real node: nothing behind them is played."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from servicekit.hmac_signature import make_signature

from deploy.local.demo import Wallets
from deploy.local.environment import NodeConfig
from deploy.local.stack import Stack
from tests.e2e.conftest import wallets
from tests.support.stack import stack

__all__ = ["stack", "wallets"]

pytestmark = pytest.mark.e2e
CREATE_ASSET = "mutation ($i: CreateAssetInput!) { createAsset(input: $i) { asset { id } } }"
DEPOSIT = (
    "mutation ($i: DepositAssetLiquidityInput!) { depositAssetLiquidity(input: $i) { success } }"
)


class Admin:
    """An administrator of a node, through its operator listener."""

    def __init__(self, node: NodeConfig, session: aiohttp.ClientSession) -> None:
        self.node = node
        self.http = session

    async def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        # The same call twice in a millisecond would be a replay.
        body = {"query": query, "variables": variables, "nonce": str(uuid4())}
        url = f"{self.node.operator_url}/graphql"
        async with self.http.post(url, json=body, headers=self.signed(body)) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    def signed(self, body: dict[str, Any]) -> dict[str, str]:
        signature = make_signature(
            body,
            secret=self.node.secrets.admin_api_secret,
            version=1,
            now_ms=time.time_ns() // 1_000_000,
        )
        return {"tenant-id": self.node.secrets.tenant_id, "signature": signature}

    async def data(self, query: str, **variables: Any) -> Any:
        answer = await self.graphql(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def page(self, path: str) -> str:
        async with self.http.get(self.node.operator_url + path) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    async def send(self, page: str, action: str, **fields: str) -> tuple[int, str]:
        """Open a page and send one of its forms; the answer is where that led."""
        shown = await self.page(page)
        guard = {
            name: found[1]
            for name in ("csrf", "key")
            if (found := re.search(rf'name="{name}" value="([^"]*)"', shown))
        }
        url = self.node.operator_url + action
        async with self.http.post(url, data=guard | fields) as response:
            return response.status, await response.text()


@pytest_asyncio.fixture
async def admin(stack: Stack, wallets: Wallets) -> AsyncIterator[Admin]:
    jar = aiohttp.CookieJar(unsafe=True)  # the node's host is an address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Admin(stack.nodes[0].config, session)


async def test_every_list_of_a_seeded_node_is_readable_both_ways(admin: Admin) -> None:
    lists = "assets peers walletAddresses outgoingPayments incomingPayments payments webhookEvents"
    fields = " ".join(
        f"d_{name}: {name}(sortOrder: DESC) {{ edges {{ cursor }} }}"
        f" a_{name}: {name}(sortOrder: ASC) {{ edges {{ cursor }} }}"
        for name in [*lists.split(), "tenants", "grants"]
    )
    answer = await admin.data(f"{{ {fields} }}")
    for name in lists.split():
        assert answer[f"a_{name}"]["edges"] == answer[f"d_{name}"]["edges"][::-1]
    assert answer["d_assets"]["edges"]
    assert answer["d_walletAddresses"]["edges"]


async def test_walking_by_ones_meets_every_wallet_address(admin: Admin) -> None:
    query = """query ($after: String, $order: SortOrder) {
        walletAddresses(first: 1, after: $after, sortOrder: $order) {
            pageInfo { endCursor hasNextPage hasPreviousPage } edges { node { address } } } }"""
    walked: dict[str, list[str]] = {}
    for order in ("ASC", "DESC"):
        after, walked[order] = None, []
        while True:
            page = (await admin.data(query, after=after, order=order))["walletAddresses"]
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            walked[order] += [edge["node"]["address"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
    assert len(walked["ASC"]) >= 2
    assert walked["ASC"] == walked["DESC"][::-1]


async def test_a_deposit_counts_once_and_another_under_its_key_conflicts(admin: Admin) -> None:
    code = "T" + uuid4().hex[:6].upper()
    asset = (await admin.data(CREATE_ASSET, i={"code": code, "scale": 3}))["createAsset"]["asset"]
    deposit = {
        "assetId": asset["id"],
        "amount": "5000",
        "id": str(uuid4()),
        "idempotencyKey": str(uuid4()),
    }
    for _ in range(2):
        assert (await admin.data(DEPOSIT, i=deposit))["depositAssetLiquidity"]["success"]
    other = await admin.graphql(DEPOSIT, i=deposit | {"amount": "6000"})
    assert other["errors"][0]["extensions"]["code"] == "CONFLICT"
    read = "query ($id: String!) { asset(id: $id) { liquidity } }"
    assert (await admin.data(read, id=asset["id"]))["asset"]["liquidity"] == "5000"
    again = await admin.graphql(CREATE_ASSET, i={"code": code, "scale": 3})
    assert again["errors"][0]["extensions"]["code"] == "DUPLICATE"


async def test_an_operator_works_in_the_browser_against_the_real_node(admin: Admin) -> None:
    secrets = admin.node.secrets
    wrong = await admin.send("/login", "/login", tenant_id=secrets.tenant_id, api_secret="no")
    assert wrong[0] == 422
    status, dashboard = await admin.send(
        "/login", "/login", tenant_id=secrets.tenant_id, api_secret=secrets.admin_api_secret
    )
    assert status == 200
    assert "Dashboard" in dashboard
    code = "U" + uuid4().hex[:6].upper()
    status, made = await admin.send("/assets/new", "/assets", code=code, scale="2")
    assert "The asset was created" in made
    path = re.search(r'action="(/assets/[0-9a-f-]+)/deposit"', made)
    assert path is not None
    status, paid = await admin.send(path[1], f"{path[1]}/deposit", amount="1,234.56")
    assert f"1,234.56 {code}" in paid
    status, taken = await admin.send(path[1], f"{path[1]}/withdraw", amount="1,234.57")
    assert status == 422
    assert 'role="alert"' in taken
    await _set_and_clear_limits(admin, code, path[1])
    await _ask_for_a_route(admin)
    pages = ("/", "/wallet-addresses", "/payments", "/grants", "/webhook-events", "/search?q=x")
    for page in pages:
        await admin.page(page)


async def _set_and_clear_limits(admin: Admin, code: str, asset: str) -> None:
    """What is emptied is gone, as the node tells it afterwards."""
    peer_address = f"test.{code.lower()}"
    fields = {
        "asset_id": asset.rpartition("/")[2],
        "static_ilp_address": peer_address,
        "endpoint": "http://peer.example:3002",
        "auth_token": "out",
        "max_packet_amount": "7.77",
    }
    _, made = await admin.send("/peers/new", "/peers", **fields)
    assert 'value="7.77"' in made
    path = re.search(r'action="(/peers/[0-9a-f-]+)"', made)
    assert path is not None
    kept = {"static_ilp_address": peer_address, "max_packet_amount": ""}
    _, cleared = await admin.send(path[1], path[1], **kept)
    assert "Your changes were saved" in cleared
    assert 'value="7.77"' not in cleared
    for threshold, shown in (("8.88", True), ("", False)):
        _, page = await admin.send(asset, f"{asset}/thresholds", liquidity_threshold=threshold)
        assert ('value="8.88"' in page) is shown


async def _ask_for_a_route(admin: Admin) -> None:
    """The demonstration's peer, which the node has known from the start."""
    seeded = re.findall(r'href="(/peers/[0-9a-f-]+)"', await admin.page("/peers"))[-1]
    found = re.search(r'name="destination"[^>]* value="([^"]+)"', await admin.page(seeded))
    assert found is not None
    asset = re.search(r'<option value="([0-9a-f-]+)" selected>', await admin.page(seeded))
    assert asset is not None
    packet = f"destination={found[1]}.bob&amount=1&asset_id={asset[1]}"
    answer = await admin.page(f"{seeded}?{packet}")
    assert "This node would take the packet" in answer
    assert "the longest prefix" in answer


ASSET = """query ($code: String!, $scale: UInt8!) {
    assetByCodeAndScale(code: $code, scale: $scale) { id } }"""
PEER = """query ($address: String!, $asset: String!) {
    peerByAddressAndAsset(staticIlpAddress: $address, assetId: $asset) { id staticIlpAddress } }"""
ADDRESS = "query ($url: String!) { walletAddressByUrl(url: $url) { id address } }"
CREATE_PEER = "mutation ($i: CreatePeerInput!) { createPeer(input: $i) { peer { id } } }"
UPDATE_PEER = "mutation ($i: UpdatePeerInput!) { updatePeer(input: $i) { peer { id } } }"
DEPOSIT_PEER = (
    "mutation ($i: DepositPeerLiquidityInput!) { depositPeerLiquidity(input: $i) { success } }"
)
SET_FEE = "mutation ($i: SetFeeInput!) { setFee(input: $i) { fee { id basisPoints } } }"
CREATE_ADDRESS = """mutation ($i: CreateWalletAddressInput!) {
    createWalletAddress(input: $i) { walletAddress { id address } } }"""
CREATE_KEY = """mutation ($i: CreateWalletAddressKeyInput!) {
    createWalletAddressKey(input: $i) { walletAddressKey { id } } }"""


async def _seed(admin: Admin, code: str, address: str, url: str) -> tuple[str, str, str]:
    """What the TypeScript Rafiki's seeding library calls, in its order."""
    asset = (await admin.data(ASSET, code=code, scale=2))["assetByCodeAndScale"]
    if asset is None:
        made = await admin.data(CREATE_ASSET, i={"code": code, "scale": 2})
        asset = made["createAsset"]["asset"]
        deposit = {"id": str(uuid4()), "assetId": asset["id"], "amount": "100000000"}
        await admin.data(DEPOSIT, i=deposit | {"idempotencyKey": str(uuid4())})
    fee = {"assetId": asset["id"], "type": "SENDING", "fee": {"fixed": "100", "basisPoints": 200}}
    assert (await admin.data(SET_FEE, i=fee))["setFee"]["fee"]["basisPoints"] == 200
    peer = (await admin.data(PEER, address=address, asset=asset["id"]))["peerByAddressAndAsset"]
    if peer is not None:
        change = {"id": peer["id"], "staticIlpAddress": address, "routes": []}
        await admin.data(UPDATE_PEER, i=change)
    else:
        http = {
            "incoming": {"authTokens": [f"in-{code}"]},
            "outgoing": {"authToken": "out", "endpoint": "http://peer.example:3002"},
        }
        new = {"staticIlpAddress": address, "http": http, "assetId": asset["id"], "routes": []}
        peer = (await admin.data(CREATE_PEER, i=new | {"name": "Peer"}))["createPeer"]["peer"]
        deposit = {"id": str(uuid4()), "peerId": peer["id"], "amount": "1000000"}
        await admin.data(DEPOSIT_PEER, i=deposit | {"idempotencyKey": str(uuid4())})
    owner = (await admin.data(ADDRESS, url=url))["walletAddressByUrl"]
    if owner is None:
        new = {"assetId": asset["id"], "address": url, "publicName": "A"}
        owner = (await admin.data(CREATE_ADDRESS, i=new))["createWalletAddress"]["walletAddress"]
        key = {
            "kid": "keyid-a",
            "x": "oy0L_vTygNE4IogRyn_F5GmHXdqYVjIXkWs2jky7zsI",
            "alg": "EdDSA",
            "kty": "OKP",
            "crv": "Ed25519",
        }
        await admin.data(CREATE_KEY, i={"walletAddressId": owner["id"], "jwk": key})
    return asset["id"], peer["id"], owner["id"]


async def test_seeding_again_finds_what_is_there_and_changes_nothing(admin: Admin) -> None:
    code = "S" + uuid4().hex[:6].upper()
    address, url = f"test.{code.lower()}", f"{admin.node.public_url}/accounts/{code.lower()}"
    first = await _seed(admin, code, address, url)
    assert await _seed(admin, code, address, url) == first
    read = "query ($id: String!) { asset(id: $id) { liquidity } }"
    assert (await admin.data(read, id=first[0]))["asset"]["liquidity"] == "100000000"


async def test_a_subscription_tells_of_what_happens_while_it_is_open(admin: Admin) -> None:
    query = """subscription { webhookEvents(filter: {type: {in: ["incoming_payment.created"]}}) {
        cursor event { type data } } }"""
    body = {"query": query, "nonce": str(uuid4())}
    headers = admin.signed(body) | {"accept": "text/event-stream"}
    url = f"{admin.node.operator_url}/graphql"
    async with admin.http.post(url, json=body, headers=headers) as stream:
        assert stream.status == 200
        assert stream.content_type == "text/event-stream"
        # It may begin after its headers came: what it tells is any later one.
        told = asyncio.create_task(_first_event(stream))
        while not told.done():
            made = await _incoming_payment(admin)
            await asyncio.wait((told,), timeout=1)
        (event,) = (await told)["data"].values()
    assert event["event"]["type"] == "incoming_payment.created"
    assert event["event"]["data"]["id"]
    assert made


async def _incoming_payment(admin: Admin) -> str:
    wallets_ = await admin.data("{ walletAddresses(first: 1) { edges { node { id } } } }")
    (edge,) = wallets_["walletAddresses"]["edges"]
    made = await admin.data(
        """mutation ($i: CreateIncomingPaymentInput!) {
            createIncomingPayment(input: $i) { payment { id } } }""",
        i={"walletAddressId": edge["node"]["id"]},
    )
    payment_id: str = made["createIncomingPayment"]["payment"]["id"]
    return payment_id


async def _first_event(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    async for line in stream.content:
        if line.startswith(b"data: {"):
            found: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
            return found
    raise AssertionError("the stream ended")
