"""The official Open Payments client, with its response validation on, against both banks."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from ilpkit.gnap.interaction_hash import interaction_hash_matches
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets
from deploy.local.open_payments import Browser
from deploy.local.stack import Stack
from tests.e2e.books import id_of, ledger_balance, read_books
from tests.e2e.official import OfficialClient, OfficialClientError
from tests.e2e.settling import at_rest, until_books, until_settled

pytestmark = pytest.mark.e2e
CLOCK: Final = SystemClock()
FINISH_URI: Final = "http://127.0.0.1/finished"
USD: Final = {"assetCode": "USD", "assetScale": 2}
EUR: Final = {"assetCode": "EUR", "assetScale": 2}
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class App:
    """A third-party app built on the official client, and its user's browser."""

    client: OfficialClient
    browser: Browser
    payer: Json
    payee: Json

    async def token(self, wallet_address: Json, *access: Json) -> Json:
        """A grant that needs no interaction, as answered."""
        grant: Json = await self.client(
            "grant.request",
            {"url": wallet_address["authServer"]},
            {"access_token": {"access": list(access)}},
        )
        assert "interact" not in grant
        return grant

    async def value(self, wallet_address: Json, *access: Json) -> str:
        """Only the token's value."""
        granted = await self.token(wallet_address, *access)
        value: str = granted["access_token"]["value"]
        return value

    async def incoming(self, units: int | None, token: str, **more: Any) -> Json:
        """A new incoming payment of the payee."""
        amount = {} if units is None else {"incomingAmount": {"value": str(units), **EUR}}
        payment: Json = await self.client(
            "incomingPayment.create",
            {"url": self.payee["resourceServer"], "accessToken": token},
            {"walletAddress": self.payee["id"], **amount, **more},
        )
        return payment

    async def quote(self, receiver: str, **amount: Any) -> Json:
        """A quote of the payer's, read again."""
        access = {"type": "quote", "actions": ["create", "read"]}
        token = await self.value(self.payer, access)
        quote: Json = await self.client(
            "quote.create",
            {"url": self.payer["resourceServer"], "accessToken": token},
            {"walletAddress": self.payer["id"], "receiver": receiver, "method": "ilp", **amount},
        )
        assert await self.client("quote.get", {"url": quote["id"], "accessToken": token}) == quote
        return quote

    async def ask(self, limits: Json, *, nonce: str | None) -> Json:
        """A pending grant for outgoing payments; without a nonce it is to be polled."""
        access = {
            "type": "outgoing-payment",
            "actions": ["create", "read", "list"],
            "identifier": self.payer["id"],
            "limits": limits,
        }
        interact: Json = {"start": ["redirect"]}
        if nonce is not None:
            interact["finish"] = {"method": "redirect", "uri": FINISH_URI, "nonce": nonce}
        grant: Json = await self.client(
            "grant.request",
            {"url": self.payer["authServer"]},
            {"access_token": {"access": [access]}, "interact": interact},
        )
        return grant

    async def consented(self, limits: Json) -> str:
        """An outgoing payment token that the customer agreed to."""
        nonce = secrets.token_hex(16)
        grant = await self.ask(limits, nonce=nonce)
        back = await self.browser.consent(grant["interact"]["redirect"], "approve")
        assert back.startswith(FINISH_URI + "?")
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        assert interaction_hash_matches(
            query["hash"],
            client_nonce=nonce,
            server_nonce=grant["interact"]["finish"],
            interact_ref=query["interact_ref"],
            grant_endpoint=self.payer["authServer"],
        )
        done = await self.resume(grant["continue"], {"interact_ref": query["interact_ref"]})
        value: str = done["access_token"]["value"]
        return value

    async def resume(self, continuation: Json, *body: Json) -> Json:
        """Continue a grant, after the wait that the server asked for."""
        await CLOCK.sleep(continuation.get("wait", 0))
        answer: Json = await self.client("grant.continue", opened(continuation), *body)
        return answer

    async def pay(self, token: str, **source: Any) -> Json:
        """A new outgoing payment of the payer."""
        payment: Json = await self.client(
            "outgoingPayment.create",
            {"url": self.payer["resourceServer"], "accessToken": token},
            {"walletAddress": self.payer["id"], **source},
        )
        return payment


def opened(continuation: Json) -> Json:
    """A continuation as an address and its token."""
    return {"url": continuation["uri"], "accessToken": continuation["access_token"]["value"]}


def incoming_access(*actions: str) -> Json:
    return {"type": "incoming-payment", "actions": list(actions)}


@pytest.fixture
async def app(official: OfficialClient, wallets: Wallets) -> AsyncIterator[App]:
    browser = Browser()
    try:
        yield App(
            client=official,
            browser=browser,
            payer=await official("walletAddress.get", {"url": wallets.by_node[0][0].url}),
            payee=await official("public.walletAddress.get", {"url": wallets.by_node[1][0].url}),
        )
    finally:
        await browser.close()


async def test_it_pays_across_and_both_ledgers_add_up(stack: Stack, app: App) -> None:
    first, second = stack.configs
    before = [await read_books(config) for config in stack.configs]
    token = await app.value(app.payee, incoming_access("create", "read", "list", "complete"))
    incoming = await app.incoming(2_000, token, metadata={"for": "tea"})
    quote = await app.quote(incoming["id"])
    debit = quote["debitAmount"]
    consent = await app.consented({"debitAmount": debit, "receiver": incoming["id"]})
    outgoing = await app.pay(consent, quoteId=quote["id"], metadata={"order": "7"})
    assert outgoing["grantSpentDebitAmount"] == {"value": "0", **USD}
    assert outgoing["quoteId"] == quote["id"]
    await until_settled(first, outgoing["id"])

    received = await app.client(
        "incomingPayment.get", {"url": incoming["id"], "accessToken": token}
    )
    assert received["completed"] is True
    assert received["receivedAmount"] == {"value": "2000", **EUR}
    assert received["metadata"] == {"for": "tea"}
    sent = await app.client("outgoingPayment.get", {"url": outgoing["id"], "accessToken": consent})
    assert sent["failed"] is False
    assert sent["debitAmount"] == debit
    moved = int(sent["sentAmount"]["value"])
    assert 0 < moved <= int(debit["value"])

    after = await until_books(
        stack.configs,
        lambda now: (
            at_rest(now)
            and now[0].customers[app.payer["id"]] == before[0].customers[app.payer["id"]] - moved
            and now[1].customers[app.payee["id"]] == before[1].customers[app.payee["id"]] + 2_000
        ),
    )
    assert after[0].customers[app.payer["id"]] == before[0].customers[app.payer["id"]] - moved
    assert after[1].customers[app.payee["id"]] == before[1].customers[app.payee["id"]] + 2_000
    assert after[0].peer - before[0].peer == moved == before[1].peer - after[1].peer
    assert before[1].assets["EUR"] - after[1].assets["EUR"] == 2_000
    assert at_rest(after)
    assert await ledger_balance(first, id_of(outgoing["id"])) == 0
    assert await ledger_balance(second, id_of(incoming["id"])) == 0


async def test_what_a_grant_has_spent_can_be_read(stack: Stack, app: App) -> None:
    token = await app.value(app.payee, incoming_access("create", "complete"))
    limit = {"value": "1000", **USD}
    consent = await app.consented({"debitAmount": limit, "interval": "R/2024-01-01T00:00:00Z/P1M"})
    spent = {"url": app.payer["resourceServer"], "accessToken": consent}
    first = await app.incoming(None, token)
    payment = await app.pay(
        consent, incomingPayment=first["id"], debitAmount={"value": "600", **USD}
    )
    # What a payment comes with is what the grant had spent before it.
    assert payment["grantSpentDebitAmount"] == {"value": "0", **USD}
    await until_settled(stack.configs[0], payment["id"])
    answer = await app.client("outgoingPayment.getGrantSpentAmounts", spent)
    assert answer["spentDebitAmount"] == {"value": "600", **USD}
    assert set(answer) == {"spentDebitAmount", "spentReceiveAmount"}

    second = await app.incoming(None, token)
    with pytest.raises(OfficialClientError) as refused:
        await app.pay(consent, incomingPayment=second["id"], debitAmount={"value": "401", **USD})
    assert refused.value.status == 403
    rest = await app.pay(consent, incomingPayment=second["id"], debitAmount={"value": "400", **USD})
    assert rest["grantSpentDebitAmount"] == {"value": "600", **USD}
    answer = await app.client("outgoingPayment.getGrantSpentAmounts", spent)
    assert answer["spentDebitAmount"] == limit
    await until_settled(stack.configs[0], rest["id"])

    listed = await app.client(
        "outgoingPayment.list", {**spent, "walletAddress": app.payer["id"]}, {"first": 1}
    )
    assert [item["id"] for item in listed["result"]] == [rest["id"]]
    assert listed["pagination"]["hasNextPage"] is True
    older = await app.client(
        "outgoingPayment.list",
        {**spent, "walletAddress": app.payer["id"]},
        {"first": 1, "cursor": listed["pagination"]["endCursor"]},
    )
    assert [item["id"] for item in older["result"]] == [payment["id"]]

    for incoming in (first, second):
        done = await app.client(
            "incomingPayment.complete", {"url": incoming["id"], "accessToken": token}
        )
        assert int(done["receivedAmount"]["value"]) > 0
    after = await until_books(stack.configs, at_rest)
    assert at_rest(after)


async def test_incoming_payments_are_listed_completed_and_public(app: App) -> None:
    token = await app.value(app.payee, incoming_access("create", "read", "list", "complete"))
    made = [await app.incoming(100 + n, token) for n in range(3)]
    collection = {
        "url": app.payee["resourceServer"],
        "accessToken": token,
        "walletAddress": app.payee["id"],
    }
    page = await app.client("incomingPayment.list", collection, {"first": 2})
    assert [item["id"] for item in page["result"]] == [made[2]["id"], made[1]["id"]]
    back = await app.client(
        "incomingPayment.list",
        collection,
        {"last": 1, "cursor": page["pagination"]["endCursor"]},
    )
    assert [item["id"] for item in back["result"]] == [made[2]["id"]]

    one = {"url": made[0]["id"], "accessToken": token}
    assert (await app.client("incomingPayment.complete", one))["completed"] is True
    closed = await app.client("incomingPayment.get", one)
    assert (closed["completed"], closed["methods"]) == (True, [])
    assert (await app.client("incomingPayment.complete", one))["completed"] is True

    public = {"authServer": app.payee["authServer"], "receivedAmount": {"value": "0", **EUR}}
    url = {"url": made[1]["id"]}
    assert await app.client("incomingPayment.getPublic", url) == public
    assert await app.client("public.incomingPayment.get", url) == public


async def test_tokens_are_rotated_and_revoked(app: App) -> None:
    granted = (await app.token(app.payee, incoming_access("create")))["access_token"]
    manage = {"url": granted["manage"], "accessToken": granted["value"]}
    rotated = (await app.client("token.rotate", manage))["access_token"]
    assert rotated["access"] == granted["access"]
    assert rotated["value"] != granted["value"]
    with pytest.raises(OfficialClientError) as old:
        await app.incoming(5, granted["value"])
    assert old.value.status == 403
    await app.incoming(5, rotated["value"])

    managed = {"url": rotated["manage"], "accessToken": rotated["value"]}
    assert await app.client("token.revoke", managed) is None
    with pytest.raises(OfficialClientError) as revoked:
        await app.incoming(5, rotated["value"])
    assert revoked.value.status == 403


async def test_a_cancelled_grant_is_over(app: App) -> None:
    grant = await app.ask({"debitAmount": {"value": "1", **USD}}, nonce=secrets.token_hex(16))
    assert await app.client("grant.cancel", opened(grant["continue"])) is None
    with pytest.raises(OfficialClientError) as over:
        await app.resume(grant["continue"], {"interact_ref": "x"})
    assert over.value.status in (401, 404)
    assert over.value.code == "invalid_continuation"


async def test_a_grant_without_finish_is_polled(app: App) -> None:
    grant = await app.ask({"debitAmount": {"value": "1", **USD}}, nonce=None)
    with pytest.raises(OfficialClientError) as hasty:
        await app.client("grant.continue", opened(grant["continue"]))
    assert (hasty.value.status, hasty.value.code) == (400, "too_fast")
    pending = await app.resume(grant["continue"])
    assert set(pending) == {"continue"}
    finish = await app.browser.decide(grant["interact"]["redirect"], "approve")
    assert "Access was granted" in await app.browser.read(finish)
    done = await app.resume(pending["continue"])
    assert done["access_token"]["access"][0]["identifier"] == app.payer["id"]


async def test_a_customer_proves_who_they_are(app: App) -> None:
    nonce = secrets.token_hex(16)
    subject = {"sub_ids": [{"id": app.payer["id"], "format": "uri"}]}
    finish = {"method": "redirect", "uri": FINISH_URI, "nonce": nonce}
    grant = await app.client(
        "grant.request",
        {"url": app.payer["authServer"]},
        {"subject": subject, "interact": {"start": ["redirect"], "finish": finish}},
    )
    back = await app.browser.consent(grant["interact"]["redirect"], "approve")
    reference = parse_qs(urlsplit(back).query)["interact_ref"][0]
    done = await app.resume(grant["continue"], {"interact_ref": reference})
    assert done["subject"] == subject


async def test_a_client_without_a_wallet_address_is_known_by_its_key(
    app: App, wallets: Wallets
) -> None:
    keys = await app.client("walletAddress.getKeys", {"url": wallets.client.url})
    grant = await app.client(
        "grant.request",
        {"url": app.payee["authServer"]},
        {"access_token": {"access": [incoming_access("create", "read")]}},
        {"jwk": keys["keys"][0]},
    )
    token = grant["access_token"]["value"]
    made = await app.incoming(11, token)
    read = await app.client("incomingPayment.get", {"url": made["id"], "accessToken": token})
    assert read["incomingAmount"] == {"value": "11", **EUR}


async def test_refusals_reach_the_client_in_the_specified_words(app: App) -> None:
    token = await app.value(app.payee, incoming_access("create"))
    with pytest.raises(OfficialClientError) as wrong_asset:
        await app.client(
            "incomingPayment.create",
            {"url": app.payee["resourceServer"], "accessToken": token},
            {"walletAddress": app.payee["id"], "incomingAmount": {"value": "1", **USD}},
        )
    assert (wrong_asset.value.status, wrong_asset.value.code) == (400, "400")
    made = await app.incoming(5, token)
    with pytest.raises(OfficialClientError) as not_granted:
        await app.client("incomingPayment.get", {"url": made["id"], "accessToken": token})
    assert (not_granted.value.status, not_granted.value.code) == (403, "403")
    with pytest.raises(OfficialClientError) as unknown:
        await app.client("walletAddress.get", {"url": app.payee["id"] + "-nobody"})
    assert (unknown.value.status, unknown.value.code) == (404, "404")
