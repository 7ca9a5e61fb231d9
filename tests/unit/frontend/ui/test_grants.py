"""Pages about grants: who may do what up to which amount, and the end of it."""

from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from rafiki.grant.v1 import grant_admin_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from servicekit.errors import Internal, Unavailable, Unimplemented

from services.frontend.ui.filters import NOTICES
from tests.support import admin_messages as messages
from tests.support import admin_node as node
from tests.support.admin_messages import TENANT, uuid
from tests.unit.frontend.ui.conftest import Browser

GRANT = f"/grants/{uuid(node.GRANT)}"
REVOKED = f"/grants/{uuid(node.GRANT + 1)}"
ALICE = "https://cloud-nine.example/alice"


async def test_the_list_names_clients_and_what_they_may_touch(browser: Browser) -> None:
    page = (await browser.get("/grants")).text
    assert f'<a href="{GRANT}">https://shop.example/app</a>' in page
    assert f"Outgoing payments at {ALICE}" in page
    assert ">Issued</span>" in page
    assert f'<a href="{REVOKED}">the key key-7</a>' in page
    assert ">Revoked</span>" in page


async def test_grants_are_filtered_by_state_and_wallet_address(browser: Browser) -> None:
    info = messages.page(start=uuid(9), end=uuid(8), has_next=True)
    browser.services.on(
        "ListGrants",
        grant_admin_service_pb2.ListGrantsResponse(grants=node.GRANTS, page_info=info),
    )
    page = (await browser.get(f"/grants?state=PENDING&identifier={ALICE}")).text
    assert "&amp;state=PENDING&amp;identifier=https%3A//cloud-nine.example/alice" in page
    asked = browser.services.request("ListGrants", grant_admin_service_pb2.ListGrantsRequest)
    assert (list(asked.states), list(asked.identifiers)) == (["PENDING"], [ALICE])
    assert not asked.HasField("tenant_id")
    wrong = await browser.get("/grants?state=LOST")
    assert wrong.status == 422
    assert "Choose one of the options" in wrong.text
    assert len(browser.services.requests("ListGrants")) == 1


async def test_an_empty_list_says_why(browser: Browser) -> None:
    browser.services.on("ListGrants", grant_admin_service_pb2.ListGrantsResponse())
    assert "No grant yet" in (await browser.get("/grants")).text
    assert "No grant is like that" in (await browser.get("/grants?state=APPROVED")).text


async def test_a_grant_says_in_money_what_may_be_taken(browser: Browser) -> None:
    page = (await browser.get(GRANT)).text
    assert "Up to <strong>1,234.56 EUR</strong> each interval" in page
    assert "R/2030-01-01T00:00:00Z/P1M" in page
    assert "Without a limit" not in page
    limits = introspection_service_pb2.Limits(receiver="https://happy.example/incoming/1")
    access = introspection_service_pb2.Access(type="outgoing-payment", limits=limits)
    browser.services.on("GetGrant", messages.grant(node.GRANT, access=[access]))
    page = (await browser.get(GRANT)).text
    assert "Without a limit" in page
    assert "https://happy.example/incoming/1" in page


async def test_a_grant_is_revoked_once_under_the_forms_key(browser: Browser) -> None:
    browser.services.on("RevokeGrant", Internal("INTERNAL", "secret detail"))
    refused = await browser.send(GRANT, f"{GRANT}/revoke")
    assert refused.status == 422
    assert refused.text.count('role="alert"') == 1
    assert "secret detail" not in refused.text
    (first,) = browser.services.requests("RevokeGrant")
    assert first.idempotency_key in refused.text
    browser.services.on("RevokeGrant", Empty())
    done = await browser.send(GRANT, f"{GRANT}/revoke")
    assert (done.status, done.headers["location"]) == (303, GRANT)
    assert NOTICES["grant-revoked"] in (await browser.get(GRANT)).text
    assert browser.services.requests("RevokeGrant")[-1].id == uuid(node.GRANT)


@pytest.mark.parametrize("reason", ["REVOKED", "REJECTED"])
async def test_what_has_ended_cant_be_revoked(browser: Browser, reason: str) -> None:
    browser.services.on("GetGrant", messages.grant(node.GRANT, finalization_reason=reason))
    page = (await browser.get(GRANT)).text
    assert f">{reason.capitalize()}</span>" in page
    assert "/revoke" not in page


async def test_a_tenant_asks_for_its_own_grants_only(stranger: Browser) -> None:
    await stranger.sign_in(TENANT)
    stranger.services.on("RevokeGrant", Empty())
    await stranger.get("/grants")
    await stranger.send(GRANT, f"{GRANT}/revoke")
    for rpc in ("ListGrants", "GetGrant", "RevokeGrant"):
        asked = stranger.services.requests(rpc)
        assert asked
        assert {request.tenant_id for request in asked} == {TENANT}


async def test_without_the_authorization_server_only_grants_are_missing(browser: Browser) -> None:
    errors: list[tuple[Any, int]] = [
        (Unavailable("UNAVAILABLE", "no answer"), 503),
        (Unimplemented("UNIMPLEMENTED", "no such service"), 501),
    ]
    for error, status in errors:
        for rpc in ("GetGrant", "ListGrants"):
            browser.services.on(rpc, error)
        assert (await browser.get("/grants")).status == status
        assert (await browser.get(GRANT)).status == status
        found = await browser.get(f"/search?q={uuid(node.EVENT)}")
        assert found.headers["location"] == f"/webhook-events/{uuid(node.EVENT)}"


async def test_a_payment_leads_to_its_grant(browser: Browser) -> None:
    page = (await browser.get(f"/payments/outgoing/{uuid(node.OUTGOING)}")).text
    assert 'href="/grants/grant-1"' in page
