"""What people see, in a real Chromium: the consent page, and the operator's pages."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets
from deploy.local.open_payments import (
    Browser,
    OpenPaymentsClient,
    OpenPaymentsError,
    PendingGrant,
)
from deploy.local.payment import pay
from deploy.local.ports import LOOPBACK
from deploy.local.stack import Stack
from tests.e2e.books import id_of
from tests.e2e.settling import until_settled
from tests.support.chromium import open_page

pytestmark = pytest.mark.e2e
LANDED: Final = "Back at the shop"
App = tuple[OpenPaymentsClient, Browser]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_page() as (opened, complaints):
        yield opened
        # A form that was refused is shown again under this status, which Chromium remarks on.
        assert [said for said in complaints if "status of 422" not in said] == []


@asynccontextmanager
async def landing() -> AsyncIterator[str]:
    """The page of a client to which the customer comes back: its URL."""

    async def landed(_request: web.Request) -> web.Response:
        text = f"<!doctype html><link rel=icon href=data:,><title>{LANDED}</title>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/back", landed)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}/back"
    finally:
        await runner.cleanup()


async def ask(
    client: OpenPaymentsClient, payer: dict[str, Any], client_address: str, finish_uri: str
) -> PendingGrant:
    """Ask for outgoing payments within limits, as `client_address`."""
    nonce = secrets.token_hex(16)
    access = {
        "type": "outgoing-payment",
        "actions": ["create", "read", "list"],
        "identifier": payer["id"],
        "limits": {
            "debitAmount": {"value": "123456", "assetCode": "USD", "assetScale": 2},
            "interval": "R/2026-01-01T00:00:00Z/P1M",
        },
    }
    body = {
        "client": client_address,
        "access_token": {"access": [access]},
        "interact": {
            "start": ["redirect"],
            "finish": {"method": "redirect", "uri": finish_uri, "nonce": nonce},
        },
    }
    answer = await client.post(payer["authServer"], body)
    return PendingGrant(auth_server=payer["authServer"], nonce=nonce, answer=answer)


async def test_a_customer_reads_what_is_asked_and_approves(
    page: Page, app: App, wallets: Wallets
) -> None:
    client, _ = app
    payer = await client.get(wallets.by_node[0][0].url)
    async with landing() as finish_uri:
        grant = await ask(client, payer, wallets.client.url, finish_uri)
        await page.goto(grant.redirect)
        await expect(page).to_have_title(re.compile("Allow access.+Cloud Nine Wallet"))
        asked = page.get_by_role("main")
        await expect(asked).to_contain_text("Paper Shop")
        await expect(page.get_by_role("link", name=wallets.client.url)).to_be_visible()
        await expect(page.get_by_role("heading", name="Outgoing payments")).to_be_visible()
        await expect(asked).to_contain_text(f"At {payer['id']}")
        await expect(asked).to_contain_text("create them")
        await expect(asked).to_contain_text(
            "It may take at most 1,234.56 USD in each interval of R/2026-01-01T00:00:00Z/P1M."
        )
        consent_page = page.url
        await page.get_by_role("button", name="Approve").click()
        await page.wait_for_url(re.compile(re.escape(finish_uri)))
        await expect(page).to_have_title(LANDED)
        assert {"hash=", "interact_ref="} == set(re.findall(r"\w+=", page.url))
        token = await client.finish(grant, page.url)

        await page.goto(consent_page)
        await expect(page.get_by_role("main")).to_contain_text("decided already")
        await expect(page.get_by_role("button")).to_have_count(0)
    url = f"{payer['resourceServer']}/outgoing-payments?wallet-address={payer['id']}"
    assert "pagination" in await client.get(url, token=token)


async def test_a_customer_denies(page: Page, app: App, wallets: Wallets) -> None:
    client, _ = app
    payer = await client.get(wallets.by_node[0][0].url)
    async with landing() as finish_uri:
        grant = await ask(client, payer, wallets.client.url, finish_uri)
        await page.goto(grant.redirect)
        await page.get_by_role("button", name="Deny").click()
        await page.wait_for_url(re.compile(re.escape(finish_uri)))
        assert page.url == f"{finish_uri}?result=grant_rejected"
    with pytest.raises(OpenPaymentsError, match="grant_rejected"):
        await client.finish(grant, page.url)
    continuation = grant.answer["continue"]
    await SystemClock().sleep(continuation["wait"])
    with pytest.raises(OpenPaymentsError, match="invalid_continuation"):
        await client.post(
            continuation["uri"],
            {"interact_ref": "guessed"},
            token=continuation["access_token"]["value"],
        )


async def test_an_operator_signs_in_and_finds_a_payment(
    page: Page, stack: Stack, app: App, wallets: Wallets
) -> None:
    client, browser = app
    node = stack.configs[0]
    paid = await pay(
        client,
        browser,
        sender=wallets.by_node[0][0].url,
        receiver=wallets.by_node[1][0].url,
        deliver=1_250,
        clock=SystemClock(),
    )
    await until_settled(node, paid.outgoing["id"])
    payment_id = id_of(paid.outgoing["id"])

    await page.goto(f"{node.operator_url}/payments")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.get_by_label("Tenant id").fill(node.secrets.tenant_id)
    await page.get_by_label("API secret").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not match")
    await page.get_by_label("API secret").fill(node.secrets.admin_api_secret)
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_role("heading", name="Payments")).to_be_visible()
    await page.locator(f'a[href$="{payment_id}"]').click()
    await expect(page.get_by_role("heading", name="Outgoing payment")).to_be_visible()
    shown = page.get_by_role("main")
    await expect(shown).to_contain_text("Completed")
    await expect(shown).to_contain_text(paid.outgoing["receiver"])
    await expect(page.get_by_role("list", name="Amounts")).to_contain_text("12.50 EUR")

    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"{node.operator_url}/payments")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
