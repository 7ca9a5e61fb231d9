"""Grants from the request to the token, through guard and transcoder."""

import asyncio
from typing import Any

import pytest
from ilpkit.gnap.interaction_hash import interaction_hash
from sqlalchemy import text

from tests.integration.auth.conftest import (
    FINISH,
    IDP_SECRET,
    INCOMING,
    OUTGOING,
    TENANT,
    World,
    finish_url,
    interaction_of,
    path_of,
    query_of,
)
from tests.integration.auth.edge import PUBLIC_URL
from tests.support.openapi import response_judge


def check(path: str, method: str, status: str, body: Any) -> None:
    response_judge("1.3.0", "auth-server", path, method, status).validate(body)


async def test_access_that_needs_no_user_is_issued_at_once(world: World) -> None:
    reply = await world.ask([INCOMING])
    assert reply.status == 200
    check("/", "post", "200", reply.body)
    token = reply.body["access_token"]
    assert token["access"] == [INCOMING]
    assert token["expires_in"] == 600
    assert token["manage"].startswith(f"{PUBLIC_URL}/token/")
    assert len(bytes.fromhex(token["value"])) >= 16
    assert "interact" not in reply.body
    assert "wait" not in reply.body["continue"]


async def test_a_user_agrees_and_the_client_gets_its_token(world: World) -> None:
    pending = await world.ask_user()
    assert pending.status == 200
    check("/", "post", "200", pending.body)
    assert pending.body["continue"]["wait"] == 5
    assert query_of(pending.body["interact"]["redirect"]) == {
        "clientName": "Shop & Son",
        "clientUri": world.client.url,
    }

    started = await world.edge.browse(pending.body["interact"]["redirect"])
    interaction_id, nonce = interaction_of(pending).split("/")
    assert started.status == 302
    assert started.headers["location"].startswith("http://idp.test/consent?lang=en&")
    assert query_of(started.headers["location"]) == {
        "lang": "en",
        "interactId": interaction_id,
        "nonce": nonce,
        "clientName": "Shop & Son",
        "clientUri": world.client.url,
    }
    assert "HttpOnly" in started.headers["set-cookie"]
    assert f"Path=/interact/{interaction_id}" in started.headers["set-cookie"]
    cookie = started.headers["set-cookie"].partition(";")[0]

    shown = await world.edge.idp("get", interaction_of(pending), secret=IDP_SECRET)
    assert shown.status == 200
    assert shown.body["access"] == [OUTGOING]
    assert shown.body["state"] == "PENDING"
    accepted = await world.edge.idp("accept", interaction_of(pending), secret=IDP_SECRET)
    assert accepted.status == 202

    finished = await world.edge.browse(finish_url(pending), cookie=cookie)
    assert finished.status == 302
    came_back = query_of(finished.headers["location"])
    assert finished.headers["location"].startswith("http://client.test/done?cart=7&hash=")
    assert came_back["hash"] == interaction_hash(
        client_nonce=FINISH["nonce"],
        server_nonce=pending.body["interact"]["finish"],
        interact_ref=came_back["interact_ref"],
        grant_endpoint=f"{PUBLIC_URL}/{TENANT}",
    )

    await world.clock.advance(5)
    issued = await world.continue_(pending, came_back["interact_ref"])
    assert issued.status == 200
    check("/continue/{id}", "post", "200", issued.body)
    assert issued.body["access_token"]["access"] == [OUTGOING]
    assert issued.body["continue"]["access_token"] == pending.body["continue"]["access_token"]


async def test_a_reloaded_finish_page_gives_the_same_answer(world: World) -> None:
    pending = await world.ask_user()
    started = await world.edge.browse(pending.body["interact"]["redirect"])
    cookie = started.headers["set-cookie"].partition(";")[0]
    await world.edge.idp("accept", interaction_of(pending), secret=IDP_SECRET)
    first = await world.edge.browse(finish_url(pending), cookie=cookie)
    again = await world.edge.browse(finish_url(pending), cookie=cookie)
    assert first.headers["location"] == again.headers["location"]


async def test_a_client_without_finish_url_polls(world: World) -> None:
    pending = await world.ask_user(finish=False)
    early = await world.continue_(pending)
    assert (early.status, early.code) == (400, "too_fast")
    check("/continue/{id}", "post", "400", early.body)
    await world.clock.advance(5)
    waiting = await world.continue_(pending)
    assert waiting.status == 200
    check("/continue/{id}", "post", "200", waiting.body)
    assert set(waiting.body) == {"continue"}
    assert waiting.body["continue"]["wait"] == 5
    assert (await world.continue_(pending)).code == "too_fast"
    assert await world.approve(pending) == ""
    await world.clock.advance(5)
    issued = await world.continue_(pending)
    assert issued.body["access_token"]["access"] == [OUTGOING]
    await world.clock.advance(5)
    again = await world.continue_(pending)
    assert (again.status, again.code) == (401, "request_denied")


async def test_a_client_with_finish_url_may_not_poll(world: World) -> None:
    pending = await world.ask_user()
    await world.clock.advance(5)
    reply = await world.continue_(pending)
    assert (reply.status, reply.code) == (401, "request_denied")
    check("/continue/{id}", "post", "401", reply.body)


async def test_a_poll_after_the_interaction_expired_is_denied(world: World) -> None:
    pending = await world.ask_user(finish=False)
    await world.clock.advance(600)
    reply = await world.continue_(pending)
    assert (reply.status, reply.code) == (401, "request_denied")


async def test_simultaneous_continuations_issue_one_token(world: World) -> None:
    pending = await world.ask_user()
    ref = query_of(await world.approve(pending))["interact_ref"]
    await world.clock.advance(5)
    replies = await asyncio.gather(*(world.continue_(pending, ref) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200] + [401] * 7
    assert {r.code for r in replies if r.status == 401} == {"request_denied"}
    async with world.database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM access_tokens")) == 1


async def test_continuing_before_the_user_came_back_is_denied(world: World) -> None:
    pending = await world.ask_user()
    async with world.database.read() as session:
        ref = await session.scalar(text("SELECT ref FROM interactions"))
    await world.edge.idp("accept", interaction_of(pending), secret=IDP_SECRET)
    await world.clock.advance(5)
    reply = await world.continue_(pending, ref)
    assert (reply.status, reply.code) == (401, "request_denied")


async def test_a_foreign_interact_ref_continues_nothing(world: World) -> None:
    mine, other = await world.ask_user(), await world.ask_user()
    ref = query_of(await world.approve(other))["interact_ref"]
    await world.clock.advance(5)
    for wrong in (ref, "unknown"):
        reply = await world.continue_(mine, wrong)
        assert (reply.status, reply.code) == (404, "invalid_continuation")
        check("/continue/{id}", "post", "404", reply.body)


async def test_a_subject_is_told_after_a_user_agreed(world: World) -> None:
    subject = {"sub_ids": [{"id": "http://wallet.test/alice", "format": "uri"}]}
    pending = await world.edge.call(
        "POST",
        f"/{TENANT}",
        world.client,
        body={
            "client": {"walletAddress": world.client.url},
            "subject": subject,
            "interact": {"start": ["redirect"], "finish": FINISH},
        },
    )
    assert "subject" not in pending.body
    ref = query_of(await world.approve(pending))["interact_ref"]
    await world.clock.advance(5)
    issued = await world.continue_(pending, ref)
    check("/continue/{id}", "post", "200", issued.body)
    assert issued.body["subject"] == subject
    assert "access_token" not in issued.body


async def test_a_key_alone_is_a_client_where_no_user_is_asked(world: World) -> None:
    body = {"client": {"jwk": world.client.jwk()}, "access_token": {"access": [INCOMING]}}
    reply = await world.edge.call("POST", f"/{TENANT}", world.client, body=body)
    assert reply.status == 200
    cancelled = await world.edge.call(
        "DELETE",
        path_of(reply.body["continue"]["uri"]),
        world.client,
        token=reply.body["continue"]["access_token"]["value"],
    )
    assert cancelled.status == 204
    assert world.client.jwks_requests == 0


async def test_a_key_alone_can_not_ask_users(world: World) -> None:
    body = {
        "client": {"jwk": world.client.jwk()},
        "access_token": {"access": [OUTGOING]},
        "interact": {"start": ["redirect"]},
    }
    reply = await world.edge.call("POST", f"/{TENANT}", world.client, body=body)
    assert (reply.status, reply.code) == (400, "invalid_client")


async def test_a_client_without_public_name_is_shown_by_its_address(world: World) -> None:
    world.client.public_name = None
    pending = await world.ask_user()
    assert query_of(pending.body["interact"]["redirect"])["clientName"] == world.client.url


async def test_interact_is_demanded_where_a_user_must_agree(world: World) -> None:
    reply = await world.ask([OUTGOING])
    assert (reply.status, reply.code) == (400, "invalid_request")
    list_all = {**INCOMING, "actions": ["list-all"]}
    assert (await world.ask([list_all])).code == "invalid_request"


@pytest.mark.parametrize("tenant", ["b1d1f0c6-9d3b-4f8e-9d0a-4a7f6b1c2d3e", "no-uuid"])
async def test_an_unknown_tenant_grants_nothing(world: World, tenant: str) -> None:
    body = {"access_token": {"access": [INCOMING]}, "client": world.client.url}
    reply = await world.edge.call("POST", f"/{tenant}", world.client, body=body)
    assert reply.status == 404


async def test_cancelling_revokes_the_grant_and_its_tokens(world: World) -> None:
    issued = await world.issue()
    continuation = issued.body["continue"]
    arguments: dict[str, Any] = {"token": continuation["access_token"]["value"]}
    path = path_of(continuation["uri"])
    assert (await world.edge.call("DELETE", path, world.client, **arguments)).status == 204
    async with world.database.read() as session:
        live = text("SELECT count(*) FROM access_tokens WHERE revoked_at IS NULL")
        assert await session.scalar(live) == 0
    again = await world.edge.call("DELETE", path, world.client, **arguments)
    assert (again.status, again.code) == (404, "invalid_request")
    check("/continue/{id}", "delete", "404", again.body)


async def test_the_database_holds_no_clear_token(world: World) -> None:
    issued = await world.issue()
    secrets = [
        issued.body["access_token"]["value"],
        issued.body["continue"]["access_token"]["value"],
    ]
    async with world.database.read() as session:
        for table in ("grants", "access_tokens", "interactions", "idempotency_keys"):
            rows = (await session.execute(text(f"SELECT t::text FROM {table} t"))).all()  # noqa: S608 - our own names
            dump = "\n".join(row[0] for row in rows).lower()
            for secret in secrets:
                assert secret.lower() not in dump
                assert secret.encode().hex() not in dump
