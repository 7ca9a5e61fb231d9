"""The bank as a process, between a node's Admin API and an authorization server from tables."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from servicekit.clock import SystemClock
from servicekit.hmac_signature import make_signature, verify_signature

from deploy.local.environment import ROOT
from deploy.local.node import answers
from deploy.local.processes import Child
from tests.support.postgres import free_port

ACCOUNT, INTERACTION = str(uuid4()), str(uuid4())
WEBHOOK_SECRET = "hook"
CONSENT = {"interactId": INTERACTION, "nonce": "N"}


@dataclass
class Node:
    """What the bank's node was asked, and what it answers."""

    url: str = ""
    graphql: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    graphql_answer: dict[str, Any] = field(default_factory=lambda: {"data": {"ok": True}})
    state: dict[str, Any] = field(
        default_factory=lambda: {"data": {"outgoingPayment": {"state": "CANCELLED"}}}
    )

    async def serve(self, request: web.Request) -> web.Response:
        if request.path == "/graphql":
            body = await request.json()
            assert request.headers["tenant-id"] == "tenant"
            verify_signature(
                request.headers["signature"],
                secret="api",
                version=1,
                body=await request.read(),
                now_ms=SystemClock().now_ms(),
                ttl_ms=60_000,
            )
            self.graphql.append(body)
            is_question = "State(" in body["query"]
            return web.json_response(self.state if is_question else self.graphql_answer)
        if request.headers.get("x-idp-secret") != "idp" or INTERACTION not in request.path:
            body = {"error": {"code": "unknown_interaction", "description": "unknown <b>"}}
            return web.json_response(body, status=404)
        if request.method == "POST":
            self.decisions.append(request.path)
            return web.json_response({}, status=202)
        limits = {"debitAmount": {"value": "1234567", "assetCode": "USD", "assetScale": 2}}
        item = {
            "type": "outgoing-payment",
            "actions": ["create", "read"],
            "identifier": "http://w/alice",
            "limits": limits,
        }
        return web.json_response({"grantId": "g", "state": "PENDING", "access": [item]})


def signed(event: dict[str, Any], secret: str = WEBHOOK_SECRET, age_ms: int = 0) -> dict[str, str]:
    """The header of a webhook that was signed so long ago."""
    now_ms = SystemClock().now_ms() - age_ms
    return {"rafiki-signature": make_signature(event, secret=secret, version=1, now_ms=now_ms)}


def created(**changes: Any) -> dict[str, Any]:
    """The event of a payment of 25.50 USD."""
    data = {
        "id": "payment-1",
        "walletAddressId": ACCOUNT,
        "debitAmount": {"value": "2550", "assetCode": "USD", "assetScale": 2},
    }
    return {"id": str(uuid4()), "type": "outgoing_payment.created", "data": data | changes}


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def bank(node: Node, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    port = free_port()
    child = Child(
        "bank",
        [sys.executable, "-m", "deploy.local.ase"],
        log_path=tmp_path / "bank.log",
        cwd=tmp_path,
        environment={
            "PYTHONPATH": f"{ROOT}:{ROOT}/libs:{ROOT}/generated/python",
            "PORT": str(port),
            "BANK": "cloud-nine-wallet",
            "DATABASE_FILE": str(tmp_path / "accounts.sqlite"),
            "GRAPHQL_URL": f"{node.url}/graphql",
            "TENANT_ID": "tenant",
            "API_SECRET": "api",
            "WEBHOOK_SECRET": "hook",
            "INTERACTION_URL": node.url,
            "AUTH_SERVER_URL": "http://auth.example",
            "IDENTITY_SECRET": "idp",
            "ASE_SECRET": "ase",
        },
    )
    child.start()
    try:
        child.wait_ready(lambda: answers(port))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield session
    finally:
        child.stop()


async def open_account(bank: aiohttp.ClientSession, bearer: str = "ase") -> int:
    account = {"wallet_address": "http://w/alice", "name": "Alice <i>", "balance": 10_000}
    headers = {"authorization": f"Bearer {bearer}"}
    async with bank.put(f"/accounts/{ACCOUNT}", json=account, headers=headers) as response:
        return response.status


async def text(bank: aiohttp.ClientSession, path: str, **query: str) -> tuple[int, str]:
    async with bank.get(path, params=query) as response:
        return response.status, await response.text()


async def test_a_signed_webhook_moves_money_and_shows_on_the_pages(
    bank: aiohttp.ClientSession, node: Node
) -> None:
    assert await open_account(bank) == 204
    event = created()
    for _ in range(2):
        async with bank.post("/webhooks", json=event, headers=signed(event)) as response:
            assert response.status == 200
    inputs = [call["variables"]["input"] for call in node.graphql]
    assert inputs == [{"outgoingPaymentId": "payment-1", "idempotencyKey": event["id"]}]
    status, page = await text(bank, "/")
    assert (status, "74.50 USD" in page, "Alice &lt;i&gt;" in page) == (200, True, True)
    status, page = await text(bank, f"/accounts/{ACCOUNT}")
    assert (status, "-25.50 USD" in page, "payment-1" in page) == (200, True, True)


async def test_a_node_that_refuses_gets_its_webhook_again(
    bank: aiohttp.ClientSession, node: Node
) -> None:
    await open_account(bank)
    node.graphql_answer = {"errors": [{"message": "no"}], "data": None}
    amount = {"value": "1", "assetCode": "USD", "assetScale": 2}
    event = {
        "id": "e",
        "type": "incoming_payment.completed",
        "data": {"id": "p", "walletAddressId": ACCOUNT, "receivedAmount": amount},
    }
    async with bank.post("/webhooks", json=event, headers=signed(event)) as response:
        assert response.status == 503


async def test_a_payment_cancelled_while_the_bank_was_down_is_given_back(
    bank: aiohttp.ClientSession, node: Node
) -> None:
    await open_account(bank)
    node.graphql_answer = {"errors": [{"message": "the payment is CANCELLED"}], "data": None}
    event = created()
    for _ in range(2):
        async with bank.post("/webhooks", json=event, headers=signed(event)) as response:
            assert response.status == 200
    status, page = await text(bank, f"/accounts/{ACCOUNT}")
    assert (status, "100.00 USD" in page, "money given back" in page) == (200, True, True)


@pytest.mark.parametrize("number", [2**53, 2**60, -(2**60), 1e300, 10**30])
async def test_metadata_beyond_a_double_is_no_obstacle(
    bank: aiohttp.ClientSession, node: Node, number: float
) -> None:
    await open_account(bank)
    event = created(metadata={"number": number})
    async with bank.post("/webhooks", json=event, headers=signed(event)) as response:
        assert response.status == 200
    assert len(node.graphql) == 1


@pytest.mark.parametrize("data", [None, {}, {"id": "p"}, {"id": "p", "debitAmount": "x"}])
async def test_an_event_without_its_data_is_named_so(
    bank: aiohttp.ClientSession, data: Any
) -> None:
    event = {"id": "e", "type": "outgoing_payment.created", "data": data}
    async with bank.post("/webhooks", json=event, headers=signed(event)) as response:
        assert response.status == 400


async def test_strangers_move_nothing(bank: aiohttp.ClientSession, node: Node) -> None:
    assert await open_account(bank, "wrong") == 401
    event = {"id": "e", "type": "x", "data": {}}
    for headers in ({}, signed(event, secret="wrong"), signed(event, age_ms=10 * 60_000)):
        async with bank.post("/webhooks", json=event, headers=headers) as response:
            assert response.status == 401
    assert node.graphql == []


async def test_consent_says_in_words_what_is_asked(bank: aiohttp.ClientSession) -> None:
    status, page = await text(
        bank, "/consent", **CONSENT, clientName="<script>", clientUri="javascript:alert(1)"
    )
    assert status == 200
    assert "Outgoing payments" in page
    assert "It may take at most 12,345.67 USD in all." in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert 'href="javascript:' not in page


@pytest.mark.parametrize(("decision", "path"), [("approve", "accept"), ("deny", "reject")])
async def test_the_customers_answer_goes_to_the_authorization_server(
    bank: aiohttp.ClientSession, node: Node, decision: str, path: str
) -> None:
    form = {**CONSENT, "decision": decision}
    async with bank.post("/consent", data=form, allow_redirects=False) as response:
        assert response.status == 303
        location = response.headers["location"]
    assert location == f"http://auth.example/interact/{INTERACTION}/N/finish"
    assert node.decisions == [f"/grant/{INTERACTION}/N/{path}"]


async def test_an_unknown_request_is_a_page_not_a_crash(bank: aiohttp.ClientSession) -> None:
    unknown = {"interactId": str(uuid4()), "nonce": "N"}
    status, page = await text(bank, "/consent", **unknown)
    assert (status, "unknown &lt;b&gt;" in page) == (400, True)
    async with bank.post("/consent", data={**CONSENT, "decision": "perhaps"}) as response:
        assert response.status == 422


async def test_rates_are_exact_decimals(bank: aiohttp.ClientSession) -> None:
    status, body = await text(bank, "/rates", base="USD")
    assert status == 200
    assert json.loads(body, parse_float=str) == {"base": "USD", "rates": {"USD": 1, "EUR": "0.92"}}
    assert (await text(bank, "/rates", base="XXX"))[0] == 404
