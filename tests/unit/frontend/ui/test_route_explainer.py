"""The route explainer on a peer's page: what is asked, of whose routes, and the answer."""

import pytest
from rafiki.routing.v1 import routing_service_pb2 as pb
from servicekit.errors import InvalidArgument, Unavailable

from tests.support import admin_messages as messages
from tests.support import admin_node as node
from tests.support.admin_messages import TENANT, uuid
from tests.unit.frontend.ui.conftest import Browser

PEER = f"/peers/{uuid(node.PEER)}"
STEPS = ("g.far.carla is covered by g.far", "At 9/10 EUR, 150 becomes 135")


async def test_an_unasked_question_is_not_answered(browser: Browser) -> None:
    page = await browser.get(PEER)
    assert page.status == 200
    assert 'role="status"' not in page.text
    assert browser.services.requests("ExplainRoute") == []


@pytest.mark.parametrize(
    ("deliverable", "verdict"),
    [(True, "would take the packet"), (False, "would reject the packet")],
)
async def test_the_answer_is_told_step_by_step(
    browser: Browser, deliverable: bool, verdict: str
) -> None:
    answer = pb.ExplainRouteResponse(steps=STEPS, deliverable=deliverable)
    browser.services.on("ExplainRoute", answer)
    asked = f"{PEER}?destination=g.far.carla&amount=1.50&asset_id={uuid(node.EUR)}"
    page = await browser.get(asked)
    assert page.status == 200
    assert verdict in page.text
    assert page.text.index(STEPS[0]) < page.text.index(STEPS[1])
    assert 'value="g.far.carla"' in page.text
    assert f'<option value="{uuid(node.EUR)}" selected>' in page.text
    request = browser.services.request("ExplainRoute", pb.ExplainRouteRequest)
    assert request.destination == "g.far.carla"
    assert request.amount == messages.money(150, "EUR")


async def test_an_amount_is_not_needed(browser: Browser) -> None:
    browser.services.on("ExplainRoute", pb.ExplainRouteResponse(steps=STEPS, deliverable=True))
    await browser.get(f"{PEER}?destination=g.far.carla&amount=&asset_id={uuid(node.USD)}")
    request = browser.services.request("ExplainRoute", pb.ExplainRouteRequest)
    assert not request.HasField("amount")


async def test_the_routes_are_those_of_the_tenant_whose_peer_it_is(browser: Browser) -> None:
    browser.services.on("GetPeer", messages.peer(node.PEER, tenant_id=TENANT))
    browser.services.on("ExplainRoute", pb.ExplainRouteResponse(steps=STEPS, deliverable=True))
    await browser.get(f"{PEER}?destination=g.far.carla")
    request = browser.services.request("ExplainRoute", pb.ExplainRouteRequest)
    assert request.tenant_id == TENANT
    assert browser.services.requests("ListAssets")[-1].tenant_id == TENANT


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("destination=", 'id="route-destination-error">This field is required'),
        ("destination=g.a&amount=1,5&asset_id={usd}", 'id="route-amount-error">Enter an amount'),
        ("destination=g.a&amount=1&asset_id=x", 'id="route-asset_id-error">Choose one'),
    ],
)
async def test_a_bad_question_is_told_beside_its_field_and_not_asked(
    browser: Browser, query: str, error: str
) -> None:
    page = await browser.get(f"{PEER}?{query.format(usd=uuid(node.USD))}")
    assert page.status == 422
    assert error in page.text
    assert browser.services.requests("ExplainRoute") == []


async def test_a_refusal_of_the_backend_leaves_the_rest_of_the_page(browser: Browser) -> None:
    wrong = InvalidArgument("INVALID_FIELD", "destination is an ILP address", field="destination")
    browser.services.on("ExplainRoute", wrong)
    page = (await browser.get(f"{PEER}?destination=nonsense")).text
    assert 'id="route-destination-error">Destination is an ILP address' in page
    browser.services.on("ExplainRoute", Unavailable("UNAVAILABLE", "no answer"))
    page = (await browser.get(f"{PEER}?destination=g.a")).text
    assert '<p class="alert bad" role="alert">No answer</p>' in page
    assert "Happy Life Bank" in page
