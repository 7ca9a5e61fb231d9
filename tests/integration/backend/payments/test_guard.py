"""May an Open Payments request pass? Every refusal, and what the guard hands on of one that may."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.struct_pb2 import Struct
from ilpkit.httpsig.keys import private_key_from_seed, public_jwk
from ilpkit.httpsig.sign import sign_request
from rafiki.common.v1.money_pb2 import Amount
from rafiki.introspection.v1 import introspection_service_pb2 as introspection
from servicekit.verdict import VERDICT_HEADER, Verdict
from token_introspection import CachedIntrospector, IntrospectionClient
from yarl import URL

from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, id_of
from tests.integration.backend.payments.outside import (
    CLIENT_KEY,
    CLIENT_KEY_ID,
    AuthServer,
    Outside,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = "a-good-token"
ALL_ACTIONS = ["create", "complete", "read", "list"]


@dataclass
class Checked:
    """The guard's answer."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def description(self) -> str:
        return str(self.body["error"]["description"])


def verdict_in(checked: Checked) -> Verdict:
    """What the servicer would read."""
    return Verdict(**json.loads(checked.headers[VERDICT_HEADER]))


@dataclass
class Desk:
    """A node's guard, a client with a token, and a wallet address that the token is for."""

    node: Node
    auth: AuthServer
    outside: Outside
    wallet: Any
    asset: Any
    tokens: dict[str, Any] = field(default_factory=dict)

    def allow(self, *access: introspection.Access, token: str = TOKEN, **client: Any) -> None:
        identity = introspection.Client(**client or {"wallet_address": self.outside.client})
        self.auth.give(token, access=access, client=identity)

    def access(
        self, kind: str = "incoming-payment", actions: list[str] | None = None, **more: Any
    ) -> introspection.Access:
        return introspection.Access(
            type=kind, actions=actions or ALL_ACTIONS, identifier=self.wallet.address, **more
        )

    def path(self, rest: str = "incoming-payments") -> str:
        return f"/{self.node.tenant}/{rest}"

    def body(self, **members: Any) -> bytes:
        return json.dumps({"walletAddress": self.wallet.address, **members}).encode()

    def signed(
        self,
        method: str,
        path: str,
        raw: bytes | None = None,
        *,
        token: str | None = TOKEN,
        key: Any = CLIENT_KEY,
        key_id: str = CLIENT_KEY_ID,
    ) -> dict[str, str]:
        headers = {} if token is None else {"authorization": f"GNAP {token}"}
        if raw is not None:
            headers["content-type"] = "application/json"
        return headers | sign_request(
            method=method,
            target_uri=f"{self.node.settings.open_payments_url}{path}",
            headers=headers,
            body=raw,
            key_id=key_id,
            private_key=key,
            created=self.node.clock.now_ms() // 1000,
        )

    async def ask(
        self, method: str, path: str, headers: dict[str, str], raw: bytes | None = None
    ) -> Checked:
        # As it is: the client library would write it another way than it was signed.
        url = URL(f"http://127.0.0.1:{self.node.ports.http}/guard{path}", encoded=True)
        async with self.node.http.request(method, url, headers=headers, data=raw) as response:
            text = await response.text()
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Checked(response.status, lowered, json.loads(text) if text else None)

    async def send(
        self, method: str, path: str, raw: bytes | None = None, **signing: Any
    ) -> Checked:
        """What a well-behaved client sends, but for what the test changes."""
        return await self.ask(method, path, self.signed(method, path, raw, **signing), raw)

    def challenges(self, checked: Checked) -> bool:
        grant = f"{self.node.settings.auth_server_grant_url}/{self.node.tenant}"
        return checked.headers.get("www-authenticate") == f"GNAP as_uri={grant}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(node: Node, auth_server: AuthServer, outside: Outside) -> Desk:
    asset = await node.asset()
    desk = Desk(node, auth_server, outside, await node.wallet(asset), asset)
    desk.allow(desk.access())
    return desk


class TestPasses:
    """The verdict that the servicer gets."""

    async def test_a_create_passes_with_grant_and_client(self, desk: Desk) -> None:
        checked = await desk.send("POST", desk.path(), desk.body())
        assert checked.status == 200
        assert verdict_in(checked) == Verdict(grant_id="grant-1", client=desk.outside.client)

    @pytest.mark.parametrize(("granted", "sees_all"), [("list", False), ("list-all", True)])
    async def test_who_may_list_all_sees_other_clients(
        self, desk: Desk, granted: str, sees_all: bool
    ) -> None:
        desk.allow(desk.access(actions=[granted]), token="lister")
        path = desk.path(f"incoming-payments?wallet-address={quote(desk.wallet.address, safe='')}")
        checked = await desk.send("GET", path, token="lister")
        assert checked.status == 200, checked.body
        assert verdict_in(checked).sees_all is sees_all

    async def test_a_grants_limits_travel_along(self, desk: Desk) -> None:
        limits = introspection.Limits(
            debit_amount=Amount(value=500, asset_code="USD", asset_scale=2),
            interval="R/2030-01-01T00:00:00Z/P1M",
        )
        desk.allow(desk.access("outgoing-payment", ["create"], limits=limits), token="spender")
        raw = desk.body(quoteId=f"{desk.node.settings.open_payments_url}{desk.path('quotes/1')}")
        checked = await desk.send("POST", desk.path("outgoing-payments"), raw, token="spender")
        assert checked.status == 200, checked.body
        assert json.loads(verdict_in(checked).limits or "") == {
            "debitAmount": {"value": "500", "assetCode": "USD", "assetScale": 2},
            "interval": "R/2030-01-01T00:00:00Z/P1M",
        }

    async def test_limits_in_any_script_travel_along(self, desk: Desk) -> None:
        euro = Amount(value=500, asset_code="€", asset_scale=2)
        limits = introspection.Limits(debit_amount=euro)
        desk.allow(desk.access("outgoing-payment", ["create"], limits=limits), token="script")
        raw = desk.body(quoteId=f"{desk.node.settings.open_payments_url}{desk.path('quotes/1')}")
        checked = await desk.send("POST", desk.path("outgoing-payments"), raw, token="script")
        assert checked.status == 200
        assert checked.headers[VERDICT_HEADER].isascii()
        assert json.loads(verdict_in(checked).limits or "")["debitAmount"]["assetCode"] == "€"

    async def test_a_client_that_is_only_a_key(self, desk: Desk) -> None:
        key = private_key_from_seed(bytes([9]) * 32)
        jwk = Struct()
        jwk.update(public_jwk(key, kid="bare"))
        desk.allow(desk.access(), token="bare", jwk=jwk)
        checked = await desk.send(
            "POST", desk.path(), desk.body(), token="bare", key=key, key_id="bare"
        )
        assert checked.status == 200
        assert verdict_in(checked).client == f"jwk:{jwk['x']}"

    @pytest.mark.parametrize("tail", ["", "/complete"])
    async def test_a_resource_belongs_to_its_wallet_address(self, desk: Desk, tail: str) -> None:
        payment = await desk.node.incoming(desk.wallet, amount(5))
        path = desk.path(f"incoming-payments/{id_of(payment)}{tail}")
        method = "POST" if tail else "GET"
        assert (await desk.send(method, path)).status == 200


class TestToken:
    """Who does not show what is needed."""

    @pytest.mark.parametrize(
        "authorization", [None, "Bearer a-good-token", "GNAP", "GNAP a b", "gnap a-good-token"]
    )
    async def test_no_usable_token(self, desk: Desk, authorization: str | None) -> None:
        headers = desk.signed("POST", desk.path(), desk.body(), token=None)
        if authorization is not None:
            headers["authorization"] = authorization
        checked = await desk.ask("POST", desk.path(), headers, desk.body())
        assert checked.status == 401
        assert checked.body["error"]["code"] == "401"
        assert desk.challenges(checked)

    async def test_an_inactive_token(self, desk: Desk) -> None:
        checked = await desk.send("POST", desk.path(), desk.body(), token="revoked")
        assert (checked.status, checked.description) == (403, "Inactive Token")
        assert desk.challenges(checked)

    async def test_an_action_that_was_not_granted(self, desk: Desk) -> None:
        desk.allow(desk.access(actions=["read"]), token="reader")
        checked = await desk.send("POST", desk.path(), desk.body(), token="reader")
        assert (checked.status, checked.description) == (403, "Insufficient Grant")
        assert checked.body["error"]["details"] == {"type": "incoming-payment", "action": "create"}
        assert desk.challenges(checked)

    async def test_another_wallet_address_than_granted(self, desk: Desk) -> None:
        other = await desk.node.wallet(desk.asset)
        raw = json.dumps({"walletAddress": other.address}).encode()
        checked = await desk.send("POST", desk.path(), raw)
        assert (checked.status, checked.description) == (403, "Insufficient Grant")

    async def test_another_wallet_address_in_the_query(self, desk: Desk) -> None:
        other = quote("http://elsewhere.test/bob", safe="")
        checked = await desk.send("GET", desk.path(f"incoming-payments?wallet-address={other}"))
        assert checked.status == 403

    async def test_a_resource_of_another_wallet_address(self, desk: Desk) -> None:
        other = await desk.node.wallet(desk.asset)
        payment = await desk.node.incoming(other, amount(5))
        path = desk.path(f"incoming-payments/{id_of(payment)}/complete")
        assert (await desk.send("POST", path)).status == 403

    async def test_an_authorization_server_that_does_not_answer(
        self, desk: Desk, new_node: NewNode
    ) -> None:
        lonely = await new_node("lonely", AUTH_SERVER_INTROSPECTION_URL="127.0.0.1:1")
        alone = Desk(lonely, desk.auth, desk.outside, desk.wallet, desk.asset)
        checked = await alone.send("POST", alone.path(), alone.body())
        assert checked.status == 503
        assert "www-authenticate" not in checked.headers


class TestSignature:
    """Who is not the client that the token was given to."""

    async def refused(self, desk: Desk, checked: Checked) -> None:
        assert checked.status == 401
        assert checked.description.startswith("Signature validation error")
        assert desk.challenges(checked)

    async def test_none(self, desk: Desk) -> None:
        headers = {"authorization": f"GNAP {TOKEN}", "content-type": "application/json"}
        await self.refused(desk, await desk.ask("POST", desk.path(), headers, desk.body()))

    async def test_of_another_key(self, desk: Desk) -> None:
        key = private_key_from_seed(bytes([7]) * 32)
        await self.refused(desk, await desk.send("POST", desk.path(), desk.body(), key=key))

    async def test_of_a_key_that_is_not_published(self, desk: Desk) -> None:
        checked = await desk.send("POST", desk.path(), desk.body(), key_id="unknown")
        await self.refused(desk, checked)

    async def test_over_another_body(self, desk: Desk) -> None:
        headers = desk.signed("POST", desk.path(), desk.body())
        swapped = desk.body(metadata={"more": "money"})
        headers["content-length"] = str(len(swapped))
        await self.refused(desk, await desk.ask("POST", desk.path(), headers, swapped))

    async def test_over_another_path(self, desk: Desk) -> None:
        payment = await desk.node.incoming(desk.wallet, amount(5))
        path = desk.path(f"incoming-payments/{id_of(payment)}")
        headers = desk.signed("GET", desk.path("incoming-payments/1"))
        await self.refused(desk, await desk.ask("GET", path, headers))

    async def test_without_the_digest_of_the_body(self, desk: Desk) -> None:
        headers = desk.signed("POST", desk.path(), None)
        headers["content-type"] = "application/json"
        await self.refused(desk, await desk.ask("POST", desk.path(), headers, desk.body()))

    async def test_with_another_token_than_signed(self, desk: Desk) -> None:
        desk.allow(desk.access(), token="second")
        headers = desk.signed("POST", desk.path(), desk.body())
        headers["authorization"] = "GNAP second"
        await self.refused(desk, await desk.ask("POST", desk.path(), headers, desk.body()))


class TestShape:
    """What is no request of Open Payments, before anyone is asked."""

    @pytest.mark.parametrize(
        ("raw", "field_"),
        [
            (b"{", None),
            (b"[]", None),
            (b"\xff", None),
            (b"{}", "walletAddress"),
        ],
    )
    async def test_no_usable_body(self, desk: Desk, raw: bytes, field_: str | None) -> None:
        checked = await desk.send("POST", desk.path(), raw)
        assert checked.status == 400
        assert checked.body["error"]["code"] == "400"
        if field_ is not None:
            assert field_ in checked.body["error"]["details"]["field"]

    async def test_a_field_that_does_not_exist(self, desk: Desk) -> None:
        checked = await desk.send("POST", desk.path(), desk.body(incomingAmout=1))
        assert checked.status == 400
        assert "incomingAmout" in json.dumps(checked.body)

    async def test_an_amount_that_is_a_number(self, desk: Desk) -> None:
        wrong = {"value": 5, "assetCode": "USD", "assetScale": 2}
        assert (await desk.send("POST", desk.path(), desk.body(incomingAmount=wrong))).status == 400

    @pytest.mark.parametrize("query", ["", "?wallet-address=a&wallet-address=b", "?other=1"])
    async def test_a_list_without_one_wallet_address(self, desk: Desk, query: str) -> None:
        checked = await desk.send("GET", desk.path(f"incoming-payments{query}"))
        assert checked.status == 400
        assert checked.body["error"]["details"] == {"field": "wallet-address"}

    @pytest.mark.parametrize(
        ("method", "rest"),
        [
            ("DELETE", "incoming-payments"),
            ("GET", "quotes"),
            ("POST", "quotes/1/complete"),
            ("GET", "elsewhere"),
            ("GET", "incoming-payments/1/2"),
        ],
    )
    async def test_an_operation_that_does_not_exist(
        self, desk: Desk, method: str, rest: str
    ) -> None:
        assert (await desk.send(method, desk.path(rest))).status == 404


async def test_the_token_is_asked_for_exactly_what_the_request_needs(desk: Desk) -> None:
    await desk.send("POST", desk.path(), desk.body())
    asked = desk.auth.tokens.asked[-1]
    (item,) = asked.access
    assert (item.type, list(item.actions)) == ("incoming-payment", ["create"])
    assert item.identifier == desk.wallet.address


class TestRememberedAnswers:
    """What the authorization server said some seconds ago, while it tells of revocations."""

    async def test_only_what_moves_money_asks_about_the_token_again(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = IntrospectionClient(channel=grpc.aio.insecure_channel(desk.auth.target))
        cache = CachedIntrospector(client, life_s=30, monotonic=lambda: 0.0)
        monkeypatch.setattr(desk.node.features.guard.guard, "_remembered", cache)
        desk.allow(desk.access(), desk.access("outgoing-payment", ["create"]), token="remembered")
        quote_id = f"{desk.node.settings.open_payments_url}{desk.path('quotes/1')}"
        asked = desk.auth.tokens.asked
        for path, members, questions in (
            ("incoming-payments", {}, 1),
            ("outgoing-payments", {"quoteId": quote_id}, 2),
        ):
            asked.clear()
            for number in range(2):
                raw = desk.body(metadata={"n": number}, **members)
                checked = await desk.send("POST", desk.path(path), raw, token="remembered")
                assert checked.status == 200, checked.body
            assert len(asked) == questions


class TestStatements:
    """What memory holds is not read again."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_a_request_about_what_is_known_reads_nothing(
        self, desk: Desk, method: str
    ) -> None:
        payment = await desk.node.incoming(desk.wallet, amount(5))
        path, raw = desk.path(f"incoming-payments/{id_of(payment)}"), None
        if method == "POST":
            path, raw = desk.path(), desk.body()
        assert (await desk.send(method, path, raw)).status == 200
        with desk.node.features.database.count_statements() as statements:
            assert (await desk.send(method, path, raw)).status == 200
        # Workers go on meanwhile; they look for payments that are due.
        assert [text for text in statements if "wallet_address" in text] == []
