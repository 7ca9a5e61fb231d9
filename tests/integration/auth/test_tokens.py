"""Rotation, revocation, introspection and clean-up of access tokens."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc.aio
import pytest
from google.protobuf.json_format import ParseDict
from ilpkit.openpayments.access import AskedAccess
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from servicekit.housekeeping import Housekeeper
from servicekit.idempotency import IdempotencyStore
from servicekit.ids import SystemIds
from sqlalchemy import text
from token_introspection import (
    INACTIVE,
    ActiveToken,
    Introspection,
    IntrospectionClient,
    WalletAddressClient,
)

from services.auth.idempotency.tables import idempotency_keys
from services.auth.introspection.queries import TokenIntrospection
from services.auth.tokens.housekeeping import tokens_housekeeping
from services.auth.tokens.model import ROTATION_REPEAT
from tests.integration.auth.conftest import INCOMING, OUTGOING, TENANT, World, path_of
from tests.integration.auth.edge import Reply, as_envoy_prints
from tests.support.openapi import document, response_judge

ALICE = "http://wallet.test/alice"


async def rotate(world: World, token: dict[str, Any], *, method: str = "POST") -> Reply:
    return await world.edge.call(
        method, path_of(token["manage"]), world.client, token=token["value"]
    )


async def introspect(world: World, value: str, *asked: AskedAccess) -> Introspection:
    return await IntrospectionClient(channel=world.edge.channel).introspect(value, asked)


async def test_rotation_replaces_value_and_management_id(world: World) -> None:
    old = (await world.ask([INCOMING])).body["access_token"]
    rotated = await rotate(world, old)
    assert rotated.status == 200
    response_judge("1.3.0", "auth-server", "/token/{id}", "post", "200").validate(rotated.body)
    new = rotated.body["access_token"]
    assert new["access"] == [INCOMING]
    assert new["value"] != old["value"]
    assert new["manage"] != old["manage"]
    assert await introspect(world, old["value"]) == INACTIVE
    assert isinstance(await introspect(world, new["value"]), ActiveToken)
    again = await rotate(world, old)
    assert (again.status, again.code) == (401, "invalid_client")


async def test_a_rotation_whose_answer_was_lost_can_be_repeated_for_a_while(world: World) -> None:
    old = (await world.ask([INCOMING])).body["access_token"]
    lost = (await rotate(world, old)).body["access_token"]
    await world.clock.advance(1)
    got = (await rotate(world, old)).body["access_token"]
    for gone in (old, lost):
        assert await introspect(world, gone["value"]) == INACTIVE
    assert isinstance(await introspect(world, got["value"]), ActiveToken)
    await world.clock.advance(ROTATION_REPEAT.total_seconds())
    late = await rotate(world, old)
    assert (late.status, late.code) == (401, "invalid_client")
    assert isinstance(await introspect(world, got["value"]), ActiveToken)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_rotation_is_not_repeated_once_its_token_was_rotated_or_revoked(
    world: World, method: str
) -> None:
    old = (await world.ask([INCOMING])).body["access_token"]
    new = (await rotate(world, old)).body["access_token"]
    await rotate(world, new, method=method)
    await world.clock.advance(1)
    again = await rotate(world, old)
    assert (again.status, again.code) == (404, "invalid_rotation")


async def test_an_expired_token_is_inactive_and_can_be_rotated(world: World) -> None:
    token = (await world.ask([INCOMING])).body["access_token"]
    await world.clock.advance(600)
    assert await introspect(world, token["value"]) == INACTIVE
    rotated = await rotate(world, token)
    assert isinstance(await introspect(world, rotated.body["access_token"]["value"]), ActiveToken)


async def test_simultaneous_rotations_leave_one_live_token(world: World) -> None:
    token = (await world.ask([INCOMING])).body["access_token"]
    replies = await asyncio.gather(*(rotate(world, token) for _ in range(6)))
    statuses = [reply.status for reply in replies]
    assert statuses.count(200) == 1
    assert {r.code for r in replies if r.status != 200} <= {"invalid_rotation", "invalid_client"}
    async with world.database.read() as session:
        live = text("SELECT count(*) FROM access_tokens WHERE revoked_at IS NULL")
        assert await session.scalar(live) == 1


async def test_a_revoked_token_is_inactive(world: World) -> None:
    token = (await world.ask([INCOMING])).body["access_token"]
    assert (await rotate(world, token, method="DELETE")).status == 204
    assert await introspect(world, token["value"]) == INACTIVE
    again = await rotate(world, token, method="DELETE")
    assert (again.status, again.code) == (401, "invalid_client")


async def test_tokens_of_a_revoked_grant_are_inactive_and_stay_so(world: World) -> None:
    grant = await world.ask([INCOMING])
    token = grant.body["access_token"]
    continuation = grant.body["continue"]
    cancelled = await world.edge.call(
        "DELETE",
        path_of(continuation["uri"]),
        world.client,
        token=continuation["access_token"]["value"],
    )
    assert cancelled.status == 204
    assert await introspect(world, token["value"]) == INACTIVE
    rotated = await rotate(world, token)
    assert (rotated.status, rotated.code) == (401, "invalid_client")


async def test_introspection_names_grant_client_and_access(world: World) -> None:
    issued = await world.issue()
    found = await introspect(world, issued.body["access_token"]["value"])
    assert isinstance(found, ActiveToken)
    assert found.client == WalletAddressClient(world.client.url)
    assert [item.model_dump(mode="json", by_alias=True) for item in found.access] == [OUTGOING]


async def test_introspection_takes_one_statement(world: World) -> None:
    value = (await world.ask([INCOMING])).body["access_token"]["value"]
    introspection = TokenIntrospection(database=world.database, clock=world.clock)
    with world.database.count_statements() as statements:
        assert await introspection.introspect(value, ()) is not None
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("asked", "covered"),
    [
        (AskedAccess(type="incoming-payment", actions=frozenset({"read"})), True),
        (AskedAccess(type="incoming-payment", actions=frozenset({"read", "list"})), True),
        (AskedAccess(type="incoming-payment", actions=frozenset({"create"})), False),
        (AskedAccess(type="incoming-payment", actions=frozenset({"list-all"})), False),
        (
            AskedAccess(type="incoming-payment", actions=frozenset({"read"}), identifier=ALICE),
            True,
        ),
        (
            AskedAccess(
                type="incoming-payment",
                actions=frozenset({"read"}),
                identifier="http://wallet.test/bob",
            ),
            False,
        ),
        (AskedAccess(type="quote", actions=frozenset({"read"})), True),
        (AskedAccess(type="outgoing-payment", actions=frozenset({"read"})), False),
    ],
)
async def test_introspection_returns_what_covers_the_question(
    world: World, asked: AskedAccess, covered: bool
) -> None:
    granted = [
        {"type": "incoming-payment", "actions": ["read-all", "list"], "identifier": ALICE},
        {"type": "quote", "actions": ["read"]},
    ]
    value = (await world.ask(granted)).body["access_token"]["value"]
    found = await introspect(world, value, asked)
    assert isinstance(found, ActiveToken)
    assert [item.type for item in found.access] == ([asked.type] if covered else [])


async def test_asked_limits_must_be_the_granted_ones(world: World) -> None:
    value = (await world.issue()).body["access_token"]["value"]
    for scale, covered in ((0, True), (2, False)):
        amount = {"value": "500", "assetCode": "JPY", "assetScale": scale}
        asked = {
            "type": "outgoing-payment",
            "actions": ["read"],
            "limits": {"debitAmount": amount, "interval": OUTGOING["limits"]["interval"]},  # type: ignore[index]  # a dict literal
        }
        request = ParseDict({"access_token": value, "access": [asked]}, pb.IntrospectRequest())
        response = await world.edge.introspection.Introspect(request)
        assert len(response.access) == int(covered)


async def test_the_answer_has_the_published_shape(world: World) -> None:
    value = (await world.ask([INCOMING])).body["access_token"]["value"]
    judge = response_judge("rafiki", "token-introspection", "/", "post", "200")
    for token in (value, "unknown"):
        response = await world.edge.introspection.Introspect(
            pb.IntrospectRequest(access_token=token)
        )
        judge.validate(as_envoy_prints(response))
    assert document("rafiki", "token-introspection")["paths"]["/"]


async def test_tokens_long_expired_are_deleted(world: World) -> None:
    await world.ask([INCOMING])
    await world.clock.advance(600)
    await world.ask([INCOMING])
    replies = IdempotencyStore(table=idempotency_keys, clock=world.clock)
    housekeeper = Housekeeper(
        database=world.database,
        tasks=(
            tokens_housekeeping(clock=world.clock, keep=timedelta(days=30)),
            replies.housekeeping,
        ),
        clock=world.clock,
        ids=SystemIds(world.clock),
    )

    async def tokens_left() -> int:
        async with world.database.read() as session:
            return int(await session.scalar(text("SELECT count(*) FROM access_tokens")))

    await housekeeper.clean()
    assert await tokens_left() == 2
    await world.clock.advance(30 * 86_400 + 1)
    # The process has a housekeeper of its own, and one at a time deletes.
    while await tokens_left() == 2:
        await housekeeper.clean()
    assert await tokens_left() == 1


async def test_native_callers_repeat_a_call_under_its_key(world: World) -> None:
    from rafiki.grant.v1 import grant_service_pb2 as grant_pb  # noqa: PLC0415 - used here alone

    request = ParseDict(
        {
            "tenantId": str(TENANT),
            "client": world.client.url,
            "access_token": {"access": [INCOMING]},
            "idempotencyKey": "once",
        },
        grant_pb.RequestGrantRequest(),
    )
    first = await world.edge.grants.RequestGrant(request)
    assert await world.edge.grants.RequestGrant(request) == first
    request.access_token.access[0].actions.append("complete")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.edge.grants.RequestGrant(request)
    assert refused.value.code() is grpc.StatusCode.ABORTED
    async with world.database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM grants")) == 1
        row = (await session.execute(text("SELECT t::text FROM idempotency_keys t"))).scalar_one()
    assert first.access_token.value.lower() not in row
    assert "once" not in row
    # A native rotation that is repeated gets the same new token.
    rotation = grant_pb.RotateTokenRequest(
        id=first.access_token.manage.rpartition("/")[2],
        access_token=first.access_token.value,
        idempotency_key="turn",
    )
    turned = await world.edge.grants.RotateToken(rotation)
    assert await world.edge.grants.RotateToken(rotation) == turned
