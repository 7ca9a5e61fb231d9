"""What pages show, what their forms ask for, and what they say when something is wrong."""

from html.parser import HTMLParser
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    liquidity_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    wallet_address_service_pb2,
)
from servicekit.errors import (
    AlreadyExists,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    Unavailable,
)

from services.frontend.ui.filters import NOTICES
from tests.support import admin_messages as messages
from tests.support import admin_node as node
from tests.support.admin_messages import uuid
from tests.unit.frontend.ui.conftest import Browser, hidden

USD, PEER, WALLET = f"/assets/{uuid(node.USD)}", f"/peers/{uuid(10)}", "/wallet-addresses"
ALICE = f"{WALLET}/{uuid(node.WALLET)}"
FUNDING = f"/payments/outgoing/{uuid(node.OUTGOING)}"
FAILED = f"/payments/outgoing/{uuid(node.ENDED)}"
OPEN = f"/payments/incoming/{uuid(node.INCOMING)}"
COMPLETED = f"/payments/incoming/{uuid(node.INCOMING + 1)}"
EVENT = f"/webhook-events/{uuid(node.EVENT)}"
GRANT = f"/grants/{uuid(node.GRANT)}"
REVOKED = f"/grants/{uuid(node.GRANT + 1)}"
PAGES = [
    *("/", "/assets", "/assets/new", USD, "/peers", "/peers/new", PEER),
    f"{PEER}?destination=test.happy-life-bank.bob",
    *(WALLET, f"{WALLET}/new", ALICE, "/payments", OPEN, COMPLETED, FUNDING, FAILED),
    *("/grants", "/grants?state=PENDING", GRANT, REVOKED),
    *("/webhook-events", EVENT, "/search", "/search?q=nothing"),
]


class Outline(HTMLParser):
    """What assistive technology needs of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self.named: list[str] = []
        self.fields: list[dict[str, str | None]] = []
        self.levels: list[int] = []
        self.tags: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.tokens = 0
        self.described: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self.ids += [known["id"] or ""] if "id" in known else []
        self.labelled += [known["for"] or ""] if tag == "label" else []
        self.named += (known.get("aria-labelledby") or "").split()
        self.described += (known.get("aria-describedby") or "").split()
        if tag == "form":
            self.forms.append(known)
        if tag == "input" and known.get("name") == "csrf":
            self.tokens += 1
        if tag in ("input", "select", "textarea") and known.get("type") != "hidden":
            self.fields.append(known)
        if tag in ("h1", "h2", "h3"):
            self.levels.append(int(tag[1]))


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_has_labels_landmarks_and_headings_in_order(
    browser: Browser, path: str
) -> None:
    response = await browser.get(path)
    assert response.status == 200
    outline = Outline(response.text)
    assert len(outline.ids) == len(set(outline.ids))
    assert {field["id"] for field in outline.fields} <= set(outline.labelled)
    assert set(outline.named) | set(outline.described) <= set(outline.ids)
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False))
    assert {"main", "nav", "header"} <= set(outline.tags)
    assert "script" not in outline.tags
    assert "style=" not in response.text
    posts = [form for form in outline.forms if form.get("method") == "post"]
    assert outline.tokens == len(posts)


async def test_the_dashboard_shows_liquidity_and_what_needs_a_look(browser: Browser) -> None:
    page = (await browser.get("/")).text
    assert "1,234,567.89 USD" in page
    assert "5,000,000 JPY" in page
    assert "is low: 900.00 EUR left, the threshold is 1,000.00 EUR" in page
    assert "could not be delivered" in page
    assert "Happy Life Bank" in page


async def test_what_others_wrote_is_text_and_never_markup(browser: Browser) -> None:
    script = "<script>alert(1)</script>"
    wallet = messages.wallet_address(node.WALLET, public_name=script, address="https://w/'\"><b>")
    browser.services.on("GetWalletAddress", wallet)
    page = (await browser.get(ALICE)).text
    assert script not in page
    assert "&lt;script&gt;" in page
    assert "'\"><b>" not in page
    found = await browser.get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert script not in found.text


async def test_lists_lead_to_their_next_and_previous_pages(browser: Browser) -> None:
    info = messages.page(start=uuid(9), end=uuid(8), has_next=True, has_previous=True)
    browser.services.on(
        "ListAssets", asset_service_pb2.ListAssetsResponse(assets=node.ASSETS, page_info=info)
    )
    page = (await browser.get("/assets")).text
    assert f'href="?after={uuid(8)}"' in page
    assert f'href="?before={uuid(9)}"' in page
    await browser.get(f"/assets?after={uuid(8)}")
    await browser.get(f"/assets?before={uuid(9)}")
    _, after, before = browser.services.requests("ListAssets")
    assert (after.page.cursor, after.page.first, after.page.HasField("last")) == (
        uuid(8),
        20,
        False,
    )
    assert (before.page.cursor, before.page.last, before.page.HasField("first")) == (
        uuid(9),
        20,
        False,
    )


async def test_an_asset_is_created_with_amounts_in_its_own_scale(browser: Browser) -> None:
    browser.services.on("CreateAsset", messages.asset(node.USD))
    response = await browser.send(
        "/assets/new", "/assets", code="USD", scale="2", liquidity_threshold="12.5"
    )
    assert (response.status, response.headers["location"]) == (303, USD)
    request = browser.services.request("CreateAsset", asset_service_pb2.CreateAssetRequest)
    assert (request.code, request.scale, request.liquidity_threshold) == ("USD", 2, 1_250)
    assert not request.HasField("withdrawal_threshold")
    assert "The asset was created" in (await browser.get(USD)).text


async def test_bad_input_comes_back_with_the_error_beside_its_field(browser: Browser) -> None:
    response = await browser.send(
        "/assets/new", "/assets", code="", scale="256", liquidity_threshold="1.234"
    )
    assert response.status == 422
    page = response.text
    assert '<span class="error" id="code-error">This field is required</span>' in page
    assert 'id="scale-error">Enter a whole number between 0 and 255' in page
    assert 'value="256"' in page
    assert 'aria-describedby="code-hint code-error" aria-invalid="true"' in page
    assert browser.services.requests("CreateAsset") == []


async def test_a_refusal_of_the_backend_stands_beside_its_field_or_above(browser: Browser) -> None:
    browser.services.on("CreateAsset", InvalidArgument("INVALID_FIELD", "too long", field="code"))
    response = await browser.send("/assets/new", "/assets", code="USD", scale="2")
    assert 'id="code-error">Too long' in response.text
    browser.services.on("CreateAsset", AlreadyExists("DUPLICATE_ASSET", "asset exists"))
    response = await browser.send("/assets/new", "/assets", code="USD", scale="2")
    assert '<p class="alert bad" role="alert">Asset exists</p>' in response.text
    browser.services.on("CreateAsset", Internal("INTERNAL", "secret detail"))
    response = await browser.send("/assets/new", "/assets", code="USD", scale="2")
    assert "secret detail" not in response.text
    assert response.status == 422


async def test_only_an_unknown_outcome_keeps_the_idempotency_key(browser: Browser) -> None:
    browser.services.on("DepositAssetLiquidity", Unavailable("UNAVAILABLE", "no answer"))
    shown = await browser.get(USD)
    form = {"csrf": hidden(shown, "csrf"), "key": uuid(5), "amount": "10"}
    again = await browser.http.post_form(f"{USD}/deposit", form)
    assert uuid(5) in again.text
    browser.services.on("DepositAssetLiquidity", InvalidArgument("INVALID_AMOUNT", "too much"))
    refused = await browser.http.post_form(f"{USD}/deposit", form)
    assert uuid(5) not in refused.text


async def test_a_form_without_its_key_is_not_sent_on(browser: Browser) -> None:
    csrf = hidden(await browser.get(USD), "csrf")
    response = await browser.http.post_form(f"{USD}/deposit", {"csrf": csrf, "amount": "10"})
    assert response.status == 422
    assert "Please send it again" in response.text
    assert browser.services.requests("DepositAssetLiquidity") == []


@pytest.mark.parametrize(
    ("page", "action", "rpc", "target"),
    [
        (USD, "deposit", "DepositAssetLiquidity", {"asset_id": uuid(node.USD)}),
        (USD, "withdraw", "WithdrawAssetLiquidity", {"asset_id": uuid(node.USD)}),
        (PEER, "deposit", "DepositPeerLiquidity", {"peer_id": uuid(10)}),
        (PEER, "withdraw", "WithdrawPeerLiquidity", {"peer_id": uuid(10)}),
    ],
)
async def test_liquidity_moves_once_under_the_forms_key(
    browser: Browser, page: str, action: str, rpc: str, target: dict[str, str]
) -> None:
    browser.services.on(rpc, Empty())
    response = await browser.send(page, f"{page}/{action}", amount="1,000.05")
    notice = {"deposit": "deposited", "withdraw": "withdrawn"}[action]
    assert response.headers["location"] == page
    assert NOTICES[notice] in (await browser.get(page)).text
    (request,) = browser.services.requests(rpc)
    assert request.amount == 100_005
    assert request.id == request.idempotency_key != ""
    for field, value in target.items():
        assert getattr(request, field) == value
    for wrong in ("0", "", "abc"):
        assert (await browser.send(page, f"{page}/{action}", amount=wrong)).status == 422
    assert len(browser.services.requests(rpc)) == 1


async def test_thresholds_and_fees_are_set(browser: Browser) -> None:
    browser.services.on("UpdateAsset", messages.asset(node.USD))
    browser.services.on("SetFee", messages.fee())
    await browser.send(USD, f"{USD}/thresholds", liquidity_threshold="", withdrawal_threshold="5")
    changed = browser.services.request("UpdateAsset", asset_service_pb2.UpdateAssetRequest)
    assert not changed.HasField("liquidity_threshold")
    assert changed.withdrawal_threshold == 500
    await browser.send(USD, f"{USD}/fee", type="receiving", fixed="", basis_points="150")
    fee = browser.services.request("SetFee", asset_service_pb2.SetFeeRequest)
    assert (fee.type, fee.fixed, fee.basis_points) == (
        asset_service_pb2.FEE_TYPE_RECEIVING,
        0,
        150,
    )
    wrong = await browser.send(USD, f"{USD}/fee", type="sideways", basis_points="10001")
    assert "Choose one of the options" in wrong.text
    assert "Enter a whole number between 0 and 10000" in wrong.text


@pytest.mark.parametrize(
    ("page", "word", "rpc", "list_page"),
    [
        (USD, "USD", "DeleteAsset", "/assets"),
        (PEER, "test.happy-life-bank", "DeletePeer", "/peers"),
    ],
)
async def test_deleting_needs_the_name_typed(
    browser: Browser, page: str, word: str, rpc: str, list_page: str
) -> None:
    browser.services.on(rpc, messages.asset() if rpc == "DeleteAsset" else messages.peer())
    refused = await browser.send(page, f"{page}/delete", confirmation="something")
    assert refused.status == 422
    assert "<details open>" in refused.text
    assert browser.services.requests(rpc) == []
    response = await browser.send(page, f"{page}/delete", confirmation=word)
    assert response.headers["location"] == list_page
    assert len(browser.services.requests(rpc)) == 1


async def test_a_peer_is_created_and_its_secrets_are_never_shown(browser: Browser) -> None:
    browser.services.on("CreatePeer", messages.peer())
    fields = {
        "asset_id": uuid(node.USD),
        "static_ilp_address": "test.peer",
        "name": "Peer",
        "endpoint": "https://peer.example/ilp",
        "auth_token": "outgoing-secret",
        "incoming_auth_tokens": "one\r\n two \r\n\r\n",
        "max_packet_amount": "10",
        "initial_liquidity": "1000",
        "routes": "test.peer.sub",
    }
    wrong = await browser.send("/peers/new", "/peers", **(fields | {"endpoint": "peer.example"}))
    assert wrong.status == 422
    assert "Enter a URL like" in wrong.text
    assert "outgoing-secret" not in wrong.text
    response = await browser.send("/peers/new", "/peers", **fields)
    assert response.headers["location"].startswith("/peers/")
    assert NOTICES["peer-created"] in (await browser.get(PEER)).text
    request = browser.services.request("CreatePeer", peer_service_pb2.CreatePeerRequest)
    assert list(request.incoming_auth_tokens) == ["one", "two"]
    assert (request.max_packet_amount, request.initial_liquidity) == (1_000, 100_000)
    assert (request.outgoing.auth_token, list(request.routes)) == (
        "outgoing-secret",
        ["test.peer.sub"],
    )
    assert "outgoing-token" not in (await browser.get(PEER)).text


async def test_a_peers_tokens_stay_unless_new_ones_are_given(browser: Browser) -> None:
    browser.services.on("UpdatePeer", messages.peer())
    await browser.send(PEER, f"{PEER}/http", endpoint="https://new.example/ilp", auth_token="")
    await browser.send(
        PEER,
        f"{PEER}/http",
        endpoint="https://new.example/ilp",
        auth_token="new",
        incoming_auth_tokens="in",
    )
    await browser.send(PEER, PEER, name="", static_ilp_address="test.b", routes="")
    kept, replaced, general = browser.services.requests("UpdatePeer")
    assert kept.outgoing.auth_token == "outgoing-token"
    assert not kept.HasField("incoming_auth_tokens")
    assert replaced.outgoing.auth_token == "new"
    assert list(replaced.incoming_auth_tokens.values) == ["in"]
    assert not general.HasField("outgoing")
    assert (general.static_ilp_address, list(general.routes.prefixes)) == ("test.b", [])


async def test_wallet_addresses_are_created_changed_and_emptied(browser: Browser) -> None:
    for rpc in ("CreateWalletAddress", "UpdateWalletAddress"):
        browser.services.on(rpc, messages.wallet_address(node.WALLET))
    browser.services.on("WithdrawWalletAddress", Empty())
    made = await browser.send(
        f"{WALLET}/new",
        WALLET,
        asset_id=uuid(node.USD),
        address="https://cloud-nine.example/alice",
        public_name="Alice",
    )
    assert made.headers["location"] == ALICE
    unknown = await browser.send(f"{WALLET}/new", WALLET, asset_id=uuid(99), address="a")
    assert "Choose one of the options" in unknown.text
    await browser.send(ALICE, ALICE, public_name="A", status="inactive")
    changed = browser.services.request(
        "UpdateWalletAddress", wallet_address_service_pb2.UpdateWalletAddressRequest
    )
    assert changed.status == wallet_address_service_pb2.WALLET_ADDRESS_STATUS_INACTIVE
    await browser.send(ALICE, f"{ALICE}/withdraw")
    taken = browser.services.request(
        "WithdrawWalletAddress", liquidity_service_pb2.WithdrawWalletAddressRequest
    )
    assert taken.wallet_address_id == uuid(node.WALLET)


async def test_keys_are_added_and_revoked(browser: Browser) -> None:
    browser.services.on("CreateWalletAddressKey", messages.key())
    browser.services.on("RevokeWalletAddressKey", messages.key(revoked=True))
    await browser.send(ALICE, f"{ALICE}/keys", kid="key-9", x="eHl6")
    (made,) = browser.services.requests("CreateWalletAddressKey")
    assert (made.wallet_address_id, made.kid, made.x) == (uuid(node.WALLET), "key-9", "eHl6")
    await browser.send(ALICE, f"{ALICE}/keys/{uuid(node.KEY)}/revoke")
    (revoked,) = browser.services.requests("RevokeWalletAddressKey")
    assert revoked.id == uuid(node.KEY)
    page = (await browser.get(ALICE)).text
    assert page.count("/revoke") == 1


@pytest.mark.parametrize(
    ("page", "action", "rpc", "field", "notice"),
    [
        (FUNDING, "deposit", "DepositOutgoingPaymentLiquidity", "outgoing_payment_id", "funded"),
        (FUNDING, "cancel", "CancelOutgoingPayment", "id", "cancelled"),
        (FAILED, "withdraw", "WithdrawOutgoingPayment", "outgoing_payment_id", "withdrawn"),
        (COMPLETED, "withdraw", "WithdrawIncomingPayment", "incoming_payment_id", "withdrawn"),
        (OPEN, "cancel", "CancelIncomingPayment", "id", "cancelled"),
        (OPEN, "approve", "ApproveIncomingPayment", "id", "approved"),
    ],
)
async def test_a_payment_offers_what_its_state_allows(
    browser: Browser, page: str, action: str, rpc: str, field: str, notice: str
) -> None:
    replies: dict[str, Any] = {
        "CancelOutgoingPayment": messages.outgoing_payment(),
        "CancelIncomingPayment": messages.incoming_payment(),
        "ApproveIncomingPayment": messages.incoming_payment(),
    }
    browser.services.on(rpc, FailedPrecondition("WRONG_STATE", "wrong state"))
    refused = await browser.send(page, f"{page}/{action}", reason="late")
    assert refused.status == 422
    assert refused.text.count("Wrong state") == 1
    browser.services.on(rpc, replies.get(rpc, Empty()))
    response = await browser.send(page, f"{page}/{action}", reason="late")
    assert response.headers["location"] == page
    assert NOTICES[notice] in (await browser.get(page)).text
    request = browser.services.requests(rpc)[-1]
    assert getattr(request, field) == page.rpartition("/")[2]
    if action == "cancel":
        assert request.reason == "late"


async def test_an_action_that_there_is_not_is_not_found(browser: Browser) -> None:
    csrf = hidden(await browser.get(FUNDING), "csrf")
    form = {"csrf": csrf, "key": uuid(5)}
    assert (await browser.http.post_form(f"{FUNDING}/explode", form)).status == 404


async def test_a_payments_page_tells_its_story(browser: Browser) -> None:
    page = (await browser.get(FAILED)).text
    told = ["Created from its quote", "Deposit: +10.10 USD", "Transfer, posted: \u22126.00 USD"]
    positions = [page.index(step) for step in told]
    assert positions == sorted(positions)
    assert "reserved" not in page
    assert "It failed: the receiver&#39;s connector does not answer" in page
    assert "Withdraw 4.10 USD" in page


async def test_payments_are_filtered_by_direction_and_wallet_address(browser: Browser) -> None:
    incoming = (await browser.get("/payments?type=incoming")).text
    assert "Outgoing</a>" not in incoming
    await browser.get("/payments?wallet_address=https%3A%2F%2Fcloud-nine.example%2Falice")
    both = browser.services.requests("ListPayments")[-1]
    assert both.wallet_address_id == uuid(node.WALLET)
    unknown = await browser.get("/payments?wallet_address=https%3A%2F%2Fnobody.example")
    assert unknown.status == 422
    assert "There is no wallet address with this URL" in unknown.text
    page = (await browser.get(f"/payments?type=&wallet_address={uuid(node.WALLET)}")).text
    assert f"&amp;wallet_address={uuid(node.WALLET)}" in page


async def test_an_event_shows_its_data_and_deliveries_and_is_sent_again(browser: Browser) -> None:
    page = (await browser.get(EVENT)).text
    assert "&#34;stateAttempts&#34;: 0" in page
    assert "answered 503" in page
    browser.services.on("ReplayWebhookEvent", messages.event(node.EVENT))
    response = await browser.send(EVENT, f"{EVENT}/replay")
    assert response.headers["location"] == EVENT
    await browser.get("/webhook-events?type=outgoing_payment.created")
    assert list(browser.services.requests("ListWebhookEvents")[-1].types) == [
        "outgoing_payment.created"
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (uuid(node.OUTGOING), FUNDING),
        (uuid(node.INCOMING), OPEN),
        (uuid(node.USD).upper(), USD),
        (uuid(10), PEER),
        (uuid(node.WALLET), ALICE),
        (uuid(node.EVENT), EVENT),
        (uuid(node.GRANT), GRANT),
        ("https://cloud-nine.example/alice", ALICE),
        (f"https://cloud-nine.example/incoming-payments/{uuid(node.INCOMING)}", OPEN),
        ("test.happy-life-bank.branch.carla", PEER),
    ],
)
async def test_search_leads_straight_to_the_one_thing_found(
    browser: Browser, text: str, path: str
) -> None:
    response = await browser.get(f"/search?q={text}")
    assert (response.status, response.headers.get("location")) == (303, path)


async def test_search_lists_what_several_things_share(browser: Browser) -> None:
    page = await browser.get("/search?q=https://happy-life.example/incoming-payments/1")
    assert page.status == 200
    assert FUNDING in page.text
    assert FAILED in page.text
    nothing = await browser.get("/search?q=nothing")
    assert "Nothing has this id" in nothing.text
    far_too_long = await browser.get("/search?q=" + "x" * 3000)
    assert "at most 2048 characters" in far_too_long.text


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (Unavailable("UNAVAILABLE", "secret"), 503, "Not available"),
        (Internal("INTERNAL", "secret"), 500, "Something went wrong"),
    ],
)
async def test_a_read_that_fails_is_a_calm_page(
    browser: Browser, error: Any, status: int, title: str
) -> None:
    browser.services.on("ListPayments", error)
    response = await browser.get("/payments")
    assert response.status == status
    assert title in response.text
    assert "secret" not in response.text


async def test_unknown_rows_and_addresses_are_not_found(browser: Browser) -> None:
    for path in (f"/assets/{uuid(98)}", "/assets/x", "/nowhere", "/payments/incoming/x"):
        assert (await browser.get(path)).status == 404


async def test_a_payment_without_an_expected_amount_takes_any(browser: Browser) -> None:
    browser.services.on("GetIncomingPayment", messages.incoming_payment(incoming_amount=None))
    assert "Any amount" in (await browser.get(OPEN)).text
    payments = payment_service_pb2.ListPaymentsResponse()
    browser.services.on("ListPayments", payments)
    assert "No payment here" in (await browser.get("/payments")).text


async def test_a_notice_is_shown_once_and_no_link_can_forge_it(browser: Browser) -> None:
    browser.services.on("CreateAsset", messages.asset(node.USD))
    assert NOTICES["funded"] not in (await browser.get(f"{FUNDING}?notice=funded")).text
    await browser.send("/assets/new", "/assets", code="XYZ", scale="2")
    assert NOTICES["asset-created"] in (await browser.get(USD)).text
    assert NOTICES["asset-created"] not in (await browser.get(USD)).text
    browser.http.cookies["rafiki_admin_notice"] = "forged"
    assert (await browser.get(USD)).status == 200


@pytest.mark.parametrize("page", [USD, PEER])
@pytest.mark.parametrize("action", ["deposit", "withdraw"])
@pytest.mark.parametrize("text", ["1,5", "1.000,50", "1,234", "1.005", "0", "", "-1"])
async def test_an_amount_that_can_be_read_in_two_ways_moves_nothing(
    browser: Browser, page: str, action: str, text: str
) -> None:
    response = await browser.send(page, f"{page}/{action}", amount=text)
    assert response.status == 422
    assert 'aria-invalid="true"' in response.text
    assert f'id="{action}-amount-error"' in response.text
    rpcs = [
        f"{verb}{kind}Liquidity" for verb in ("Deposit", "Withdraw") for kind in ("Asset", "Peer")
    ]
    assert not any(browser.services.requests(rpc) for rpc in rpcs)


async def test_an_emptied_limit_is_cleared(browser: Browser) -> None:
    browser.services.on("UpdatePeer", messages.peer())
    await browser.send(PEER, PEER, static_ilp_address="test.b", name="", max_packet_amount="")
    (request,) = browser.services.requests("UpdatePeer")
    assert {"name", "max_packet_amount", "liquidity_threshold"} < set(request.update_mask.paths)
    assert not request.HasField("max_packet_amount")


async def test_an_incoming_payment_shows_what_became_of_it(browser: Browser) -> None:
    cancelled = messages.incoming_payment(node.INCOMING, cancelled_at=messages.stamp())
    browser.services.on("GetIncomingPayment", cancelled)
    page = (await browser.get(OPEN)).text
    assert ">Cancelled</span>" in page
    assert ">Pending</span>" not in page
    browser.services.on(
        "GetIncomingPayment",
        messages.incoming_payment(node.INCOMING, approved_at=messages.stamp()),
    )
    page = (await browser.get(OPEN)).text
    assert f'action="{OPEN}/cancel"' not in page
    assert f'action="{OPEN}/approve"' not in page


async def test_a_delivery_that_failed_and_waits_is_failing_and_needs_no_replay(
    browser: Browser,
) -> None:
    waiting = event_service_pb2.WebhookDelivery(
        id=uuid(1), state=event_service_pb2.DELIVERY_STATE_PENDING, attempts=3, status_code=503
    )
    browser.services.on("GetWebhookEvent", messages.event(node.EVENT, deliveries=[waiting]))
    page = (await browser.get(EVENT)).text
    assert ">Failing</span>" in page
    assert f'action="{EVENT}/replay"' not in page


async def test_a_parked_delivery_is_delivered_again_whatever_became_of_others(
    browser: Browser,
) -> None:
    both = [
        event_service_pb2.WebhookDelivery(id=uuid(number), state=state, last_error=error)
        for number, state, error in (
            (1, event_service_pb2.DELIVERY_STATE_PENDING, "answered 500"),
            (2, event_service_pb2.DELIVERY_STATE_PARKED, "answered 503"),
        )
    ]
    event = messages.event(node.EVENT, deliveries=both)
    browser.services.on("GetWebhookEvent", event)
    assert f'action="{EVENT}/replay"' in (await browser.get(EVENT)).text
    browser.services.on(
        "ListWebhookEvents", event_service_pb2.ListWebhookEventsResponse(events=[event])
    )
    dashboard = (await browser.get("/")).text
    assert "answered 503" in dashboard
    assert "answered 500" not in dashboard
