"""The browser and the identity provider, when things do not go the usual way."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.auth.conftest import (
    FINISH,
    IDP_SECRET,
    World,
    finish_url,
    interaction_of,
    path_of,
    query_of,
)
from tests.integration.auth.edge import PUBLIC_URL, Reply
from tests.support.openapi import response_judge

UNKNOWN = "b1d1f0c6-9d3b-4f8e-9d0a-4a7f6b1c2d3e/NONCE"


def check(path: str, method: str, status: int, body: Any) -> None:
    response_judge("rafiki", "id-provider", path, method, str(status)).validate(body)


async def begin(world: World, pending: Reply) -> str:
    started = await world.edge.browse(pending.body["interact"]["redirect"])
    return str(started.headers["set-cookie"].partition(";")[0])


async def test_a_user_refuses(world: World) -> None:
    pending = await world.ask_user()
    location = await world.decide(pending, "reject")
    assert location == f"{FINISH['uri']}&result=grant_rejected"
    await world.clock.advance(5)
    async with world.database.read() as session:
        ref = await session.scalar(text("SELECT ref FROM interactions"))
        assert await session.scalar(text("SELECT finalization_reason FROM grants")) == "REJECTED"
    reply = await world.continue_(pending, ref)
    assert (reply.status, reply.code) == (404, "invalid_continuation")


async def test_a_user_comes_back_undecided(world: World) -> None:
    pending = await world.ask_user()
    cookie = await begin(world, pending)
    finished = await world.edge.browse(finish_url(pending), cookie=cookie)
    assert finished.headers["location"] == f"{FINISH['uri']}&result=grant_invalid"
    polled = await world.ask_user(finish=False)
    cookie = await begin(world, polled)
    finished = await world.edge.browse(finish_url(polled), cookie=cookie)
    assert (finished.status, finished.code) == (401, "invalid_interaction")


@pytest.mark.parametrize("secret", [None, "", "x", IDP_SECRET + "x", IDP_SECRET[:-1] + "?"])
async def test_a_wrong_secret_of_any_length_is_refused(world: World, secret: str | None) -> None:
    pending = await world.ask_user()
    for action in ("get", "accept", "reject"):
        reply = await world.edge.idp(action, interaction_of(pending), secret=secret)
        assert reply.status == 401
        assert reply.code == "invalid_interaction"
    right = await world.edge.idp("get", interaction_of(pending), secret=IDP_SECRET)
    assert right.body["state"] == "PENDING"
    check("/grant/{id}/{nonce}", "get", 200, right.body)


async def test_the_same_decision_again_changes_nothing(world: World) -> None:
    pending = await world.ask_user()
    target = interaction_of(pending)
    for _ in range(2):
        assert (await world.edge.idp("accept", target, secret=IDP_SECRET)).status == 202
    other = await world.edge.idp("reject", target, secret=IDP_SECRET)
    assert (other.status, other.code) == (400, "invalid_interaction")
    refused = await world.ask_user()
    target = interaction_of(refused)
    for _ in range(2):
        assert (await world.edge.idp("reject", target, secret=IDP_SECRET)).status == 202
    other = await world.edge.idp("accept", target, secret=IDP_SECRET)
    assert (other.status, other.code) == (401, "user_denied")
    check("/grant/{id}/{nonce}/{choice}", "post", 401, other.body)


async def test_a_decision_on_a_revoked_grant_is_refused(world: World) -> None:
    pending = await world.ask_user()
    await cancel(world, pending)
    target = interaction_of(pending)
    reply = await world.edge.idp("accept", target, secret=IDP_SECRET)
    assert (reply.status, reply.code) == (401, "user_denied")
    shown = await world.edge.idp("get", target, secret=IDP_SECRET)
    assert (shown.status, shown.code) == (404, "unknown_interaction")


async def test_unknown_interactions(world: World) -> None:
    for unknown in (UNKNOWN, "no-uuid/NONCE"):
        for action in ("get", "accept", "reject"):
            reply = await world.edge.idp(action, unknown, secret=IDP_SECRET)
            assert (reply.status, reply.code) == (404, "unknown_interaction")
        started = await world.edge.browse(f"{PUBLIC_URL}/interact/{unknown}")
        assert (started.status, started.code) == (400, "unknown_interaction")
        check("/interact/{id}/{nonce}", "get", 400, started.body)
        finished = await world.edge.browse(f"{PUBLIC_URL}/interact/{unknown}/finish")
        assert (finished.status, finished.code) == (404, "unknown_interaction")


async def test_a_right_id_with_a_wrong_nonce_is_unknown(world: World) -> None:
    pending = await world.ask_user()
    wrong = f"{interaction_of(pending).split('/')[0]}/WRONG"
    reply = await world.edge.idp("accept", wrong, secret=IDP_SECRET)
    assert (reply.status, reply.code) == (404, "unknown_interaction")


async def test_another_browser_can_not_finish(world: World) -> None:
    mine, other = await world.ask_user(), await world.ask_user()
    await begin(world, mine)
    foreign = await begin(world, other)
    await world.edge.idp("accept", interaction_of(mine), secret=IDP_SECRET)
    for cookie in (None, foreign, "sessionId=forged.forged", "sessionId=;", "x" * 5000):
        finished = await world.edge.browse(finish_url(mine), cookie=cookie)
        assert (finished.status, finished.code) == (401, "invalid_interaction")
        check("/interact/{id}/{nonce}/finish", "get", 401, finished.body)
    async with world.database.read() as session:
        approved = text("SELECT count(*) FROM grants WHERE state = 'APPROVED'")
        assert await session.scalar(approved) == 0


async def test_two_interactions_in_one_browser_do_not_disturb_each_other(world: World) -> None:
    first, second = await world.ask_user(), await world.ask_user()
    first_cookie, second_cookie = await begin(world, first), await begin(world, second)
    for pending, cookie in ((first, first_cookie), (second, second_cookie)):
        await world.edge.idp("accept", interaction_of(pending), secret=IDP_SECRET)
        finished = await world.edge.browse(finish_url(pending), cookie=cookie)
        assert "interact_ref" in query_of(finished.headers["location"])


async def test_an_expired_interaction_sends_the_browser_back_with_a_reason(world: World) -> None:
    pending = await world.ask_user()
    cookie = await begin(world, pending)
    await world.clock.advance(600)
    started = await world.edge.browse(pending.body["interact"]["redirect"])
    finished = await world.edge.browse(finish_url(pending), cookie=cookie)
    for reply in (started, finished):
        assert reply.status == 302
        query = query_of(reply.headers["location"])
        assert query["result"] == "invalid_interaction"
        assert query["message"] == "the interaction has expired"
        assert query["cart"] == "7"
    decided = await world.edge.idp("accept", interaction_of(pending), secret=IDP_SECRET)
    assert (decided.status, decided.code) == (400, "invalid_interaction")


async def test_an_expired_interaction_without_finish_url_is_a_page(world: World) -> None:
    pending = await world.ask_user(finish=False)
    cookie = await begin(world, pending)
    await world.clock.advance(600)
    started = await world.edge.browse(pending.body["interact"]["redirect"], accept="text/html")
    assert started.status == 403
    assert "The interaction has expired." in started.body
    finished = await world.edge.browse(finish_url(pending), cookie=cookie, accept="text/html")
    assert finished.status == 401
    assert "The interaction has expired." in finished.body


async def test_an_interaction_is_started_only_while_it_waits(world: World) -> None:
    pending = await world.ask_user()
    await world.approve(pending)
    again = await world.edge.browse(pending.body["interact"]["redirect"])
    assert query_of(again.headers["location"])["result"] == "invalid_interaction"
    revoked = await world.ask_user()
    cookie = await begin(world, revoked)
    await cancel(world, revoked)
    started = await world.edge.browse(revoked.body["interact"]["redirect"])
    assert query_of(started.headers["location"])["result"] == "invalid_interaction"
    finished = await world.edge.browse(finish_url(revoked), cookie=cookie)
    assert query_of(finished.headers["location"])["result"] == "unknown_interaction"


async def test_the_name_that_users_see_can_not_be_changed_in_the_link(world: World) -> None:
    pending = await world.ask_user()
    forged = f"{PUBLIC_URL}/interact/{interaction_of(pending)}?clientName=Your+bank"
    started = await world.edge.browse(forged)
    assert query_of(started.headers["location"])["clientName"] == "Shop & Son"


async def test_polling_clients_see_a_page_at_the_end(world: World) -> None:
    pending = await world.ask_user(finish=False)
    cookie = await begin(world, pending)
    await world.edge.idp("accept", interaction_of(pending), secret=IDP_SECRET)
    finished = await world.edge.browse(finish_url(pending), cookie=cookie)
    assert finished.status == 202
    assert "Access was granted." in finished.body


async def cancel(world: World, grant: Reply) -> None:
    continuation = grant.body["continue"]
    reply = await world.edge.call(
        "DELETE",
        path_of(continuation["uri"]),
        world.client,
        token=continuation["access_token"]["value"],
    )
    assert reply.status == 204
