"""Who gets a session, how long it lives, and what it guards."""

import json
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from rafiki.admin.v1 import asset_service_pb2, session_service_pb2
from servicekit.errors import ResourceExhausted, Unauthenticated, Unavailable

from services.frontend.ui.sessions import COOKIE, IDLE_S_MAX, LIFE_S_MAX, Sessions
from services.frontend.ui.web import local_path
from tests.support.admin_edge import SECRETS, admin_edge
from tests.support.admin_messages import OPERATOR, STRANGER, TENANT
from tests.support.asgi import AsgiClient
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds
from tests.unit.frontend.ui.conftest import Browser, hidden

PAGES = ["/", "/assets", "/peers", "/wallet-addresses", "/payments", "/webhook-events", "/search"]


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_asks_a_stranger_to_sign_in(stranger: Browser, path: str) -> None:
    response = await stranger.get(path)
    assert response.status == 303
    assert response.headers["location"].startswith("/login")
    assert stranger.services.calls == []


async def test_the_right_secret_signs_in_and_goes_on(stranger: Browser) -> None:
    asked = await stranger.get("/payments?type=incoming")
    assert asked.headers["location"] == "/login?next=%2Fpayments%3Ftype%3Dincoming"
    response = await stranger.sign_in(next_path="/payments?type=incoming")
    assert (response.status, response.headers["location"]) == (303, "/payments?type=incoming")
    page = await stranger.get("/")
    assert page.status == 200
    assert "Operator" in page.text
    assert OPERATOR in page.text


async def test_the_probe_is_signed_and_the_secret_goes_nowhere(stranger: Browser) -> None:
    await stranger.sign_in()
    request = stranger.services.request("StartSession", session_service_pb2.StartSessionRequest)
    assert request.tenant_id == OPERATOR
    assert "query" in json.loads(request.body)
    assert SECRETS[OPERATOR] not in str(request)
    assert SECRETS[OPERATOR] not in str(stranger.http.cookies)


@pytest.mark.parametrize("tenant_id", [OPERATOR, STRANGER])
async def test_a_wrong_secret_and_an_unknown_tenant_are_told_the_same(
    stranger: Browser, tenant_id: str
) -> None:
    response = await stranger.sign_in(tenant_id=tenant_id, secret="<guess>")
    assert response.status == 422
    assert "do not match" in response.text
    assert "guess" not in response.text
    assert (await stranger.get("/")).status == 303


async def test_empty_fields_are_named_and_nothing_is_asked(stranger: Browser) -> None:
    response = await stranger.sign_in(tenant_id="", secret="")
    assert response.status == 422
    assert response.text.count("This field is required") == 2
    assert 'aria-describedby="tenant_id-error" aria-invalid="true"' in response.text
    assert stranger.services.calls == []


async def test_a_backend_that_is_away_is_no_wrong_secret(stranger: Browser) -> None:
    stranger.services.on("StartSession", Unavailable("UNAVAILABLE", "no answer"))
    response = await stranger.sign_in()
    assert response.status == 422
    assert "No answer" in response.text
    assert "do not match" not in response.text


async def test_a_tenant_acts_as_itself_only(stranger: Browser) -> None:
    await stranger.sign_in(TENANT)
    await stranger.get("/assets")
    request = stranger.services.request("ListAssets", asset_service_pb2.ListAssetsRequest)
    assert request.tenant_id == TENANT


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: Browser) -> None:
    await stranger.sign_in()
    morsel = SimpleCookie(stranger.http.cookie_headers[0])[COOKIE]
    assert morsel["httponly"]
    assert morsel["samesite"] == "lax"
    assert not morsel["secure"]
    assert OPERATOR not in morsel.value


async def test_the_cookie_is_secure_over_https_and_when_told() -> None:
    async with admin_edge(SESSION_COOKIE_SECURE=True) as edge:
        await edge.browser.get("/login")
        assert "secure" in edge.browser.cookie_headers[0].lower()
    async with admin_edge() as edge:
        over_tls = AsgiClient(edge.browser.app, scheme="https")
        await over_tls.get("/login")
        assert "secure" in over_tls.cookie_headers[0].lower()


async def test_signing_in_gives_a_new_token_and_signing_out_ends_the_session(
    stranger: Browser,
) -> None:
    before = hidden(await stranger.get("/login"), "csrf")
    await stranger.sign_in()
    page = await stranger.get("/")
    assert hidden(page, "csrf") != before
    response = await stranger.http.post_form("/logout", {"csrf": hidden(page, "csrf")})
    assert response.headers["location"] == "/login"
    assert "You are signed out" in (await stranger.get("/login")).text
    assert (await stranger.get("/")).status == 303


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
async def test_a_form_without_its_token_changes_nothing(
    browser: Browser, token: str | None
) -> None:
    form = {"code": "XYZ", "scale": "2"} | ({} if token is None else {"csrf": token})
    response = await browser.http.post_form("/assets", form)
    assert response.status == 403
    assert "Nothing was changed" in response.text
    assert browser.services.requests("CreateAsset") == []


async def test_a_token_of_another_session_is_refused(browser: Browser) -> None:
    foreign = hidden(await browser.get("/"), "csrf")
    other = AsgiClient(browser.http.app)
    page = await other.get("/login")
    form = {"csrf": foreign, "key": hidden(page, "key"), "tenant_id": "t", "api_secret": "s"}
    assert (await other.post_form("/login", form)).status == 403


async def test_a_form_with_more_than_it_may_have_is_refused(browser: Browser) -> None:
    csrf = hidden(await browser.get("/"), "csrf")
    many = {f"field{number}": "" for number in range(200)}
    assert (await browser.http.post_form("/assets", {"csrf": csrf} | many)).status == 403
    large = {"csrf": csrf, "code": "x" * (1024 * 1024)}
    assert (await browser.http.post_form("/assets", large)).status == 403


async def test_an_idle_session_ends_and_a_used_one_lives_until_its_end(browser: Browser) -> None:
    step = IDLE_S_MAX - 60
    for _ in range(LIFE_S_MAX // step):
        await browser.edge.clock.advance(step)
        assert (await browser.get("/assets")).status == 200
    await browser.edge.clock.advance(step)
    assert (await browser.get("/assets")).status == 303


async def test_a_session_ends_when_it_is_not_used(browser: Browser) -> None:
    await browser.edge.clock.advance(IDLE_S_MAX + 1)
    assert (await browser.get("/assets")).status == 303


async def test_a_session_that_the_backend_ended_is_over_at_once(browser: Browser) -> None:
    assert (await browser.get("/assets")).status == 200
    over = Unauthenticated("CREDENTIALS_MISSING", "the session is over")
    browser.services.on("CheckSession", over)
    for path in ("/assets", "/login"):
        response = await browser.get(path)
        assert response.status == (200 if path == "/login" else 303)


async def test_signing_out_ends_the_session_for_a_copied_cookie_too(browser: Browser) -> None:
    copied = AsgiClient(browser.http.app)
    copied.cookies = dict(browser.http.cookies)
    assert (await copied.get("/assets")).status == 200
    page = await browser.get("/")
    await browser.http.post_form("/logout", {"csrf": hidden(page, "csrf")})
    assert (await copied.get("/assets")).status == 303


async def test_the_browsers_own_address_counts_for_the_limit(stranger: Browser) -> None:
    await stranger.sign_in(secret="wrong")
    (request,) = stranger.services.requests("StartSession")
    assert request.source == "127.0.0.1"
    page = await stranger.get("/login")
    form = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key")}
    form |= {"tenant_id": OPERATOR, "api_secret": "x"}
    body = urlencode(form).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-forwarded-for": "198.51.100.1, 203.0.113.7",
    }
    await stranger.http.send("POST", "/login", body, headers)
    assert stranger.services.requests("StartSession")[-1].source == "203.0.113.7"


async def test_too_many_failures_are_said(stranger: Browser) -> None:
    refusal = ResourceExhausted("RATE_LIMITED", "too many sign-ins failed: wait a minute")
    stranger.services.on("StartSession", refusal)
    response = await stranger.sign_in()
    assert response.status == 422
    assert "Too many sign-ins failed" in response.text


async def test_a_lookup_that_fails_signs_nobody_out(browser: Browser) -> None:
    browser.services.on("CheckSession", Unavailable("UNAVAILABLE", "away"))
    assert (await browser.get("/assets")).status == 503


def test_a_cookie_of_another_secret_or_a_changed_one_opens_nothing() -> None:
    clock = ManualClock()
    ids = SeededIds(clock)
    ours = Sessions(secret="ours" * 10, clock=clock, ids=ids)
    theirs = Sessions(secret="theirs" * 10, clock=clock, ids=ids)
    cookie = ours.seal(ours.start(token="secret-token"))
    opened = ours.open(cookie)
    assert opened is not None
    assert opened.token == "secret-token"
    assert ours.open(ours.seal_notice("saved")) is None
    assert ours.open_notice(cookie) is None
    assert theirs.open(cookie) is None
    assert ours.open(cookie[:-6] + "AAAA==") is None
    assert ours.open("") is None
    assert ours.open("é") is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "/a\nb",
        "/" * 3000,
    ],
)
def test_signing_in_never_leads_to_another_site(text: str | None) -> None:
    assert local_path(text) == "/"


async def test_pages_may_not_run_frame_or_keep_anything(browser: Browser) -> None:
    for path in ("/", "/assets/nothing"):
        headers = (await browser.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_style_is_served_to_strangers(stranger: Browser) -> None:
    response = await stranger.get("/static/admin.css")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/css")
