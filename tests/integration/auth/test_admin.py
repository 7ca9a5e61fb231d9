"""Grants and tenants for administrators."""

from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict
from rafiki.common.v1 import paging_pb2
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.introspection.v1 import introspection_service_pb2

from tests.integration.auth.conftest import INCOMING, OUTGOING, TENANT, World
from tests.integration.auth.edge import Reply

OTHER = "b1d1f0c6-9d3b-4f8e-9d0a-4a7f6b1c2d3e"


async def add_tenant(world: World, **members: Any) -> None:
    await world.edge.admin.UpsertAuthTenant(
        pb.UpsertAuthTenantRequest(
            id=OTHER,
            **{
                "api_secret": "other-secret",
                "idempotency_key": "t1",
                "idp_consent_url": "http://other-idp.test/",
                "idp_secret": "other-idp-secret",
                **members,
            },
        )
    )


async def ask_other(world: World, **members: Any) -> Reply:
    body = {"access_token": {"access": [INCOMING]}, "client": world.client.url, **members}
    return await world.edge.call("POST", f"/{OTHER}", world.client, body=body)


async def active(world: World, value: str) -> bool:
    request = introspection_service_pb2.IntrospectRequest(access_token=value)
    return bool((await world.edge.introspection.Introspect(request)).active)


def code_of(refused: pytest.ExceptionInfo[grpc.aio.AioRpcError]) -> grpc.StatusCode:
    return refused.value.code()


async def test_a_grant_is_shown_as_it_is(world: World) -> None:
    await world.issue()
    listed = await world.edge.admin.ListGrants(pb.ListGrantsRequest())
    (grant,) = listed.grants
    shown = await world.edge.admin.GetGrant(pb.GetGrantRequest(id=grant.id))
    assert shown == grant
    as_json = MessageToDict(grant, always_print_fields_with_no_presence=True)
    assert as_json["access"] == [OUTGOING]
    assert as_json["client"] == {"walletAddress": world.client.url}
    assert (grant.state, grant.finalization_reason) == ("FINALIZED", "ISSUED")
    assert grant.tenant_id == str(TENANT)


async def test_pages_go_forward_and_back(world: World) -> None:
    for _ in range(5):
        await world.ask([INCOMING])

    async def page(**asked: Any) -> pb.ListGrantsResponse:
        request = pb.ListGrantsRequest(page=paging_pb2.PageRequest(**asked))
        return await world.edge.admin.ListGrants(request)  # type: ignore[no-any-return]  # an untyped stub

    first = await page(first=2)
    assert first.page_info.has_next_page
    assert not first.page_info.has_previous_page
    second = await page(first=2, cursor=first.page_info.end_cursor)
    third = await page(first=2, cursor=second.page_info.end_cursor)
    assert not third.page_info.has_next_page
    ids = [g.id for p in (first, second, third) for g in p.grants]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 5
    back = await page(last=2, cursor=third.page_info.start_cursor)
    assert [g.id for g in back.grants] == [g.id for g in second.grants]
    assert back.page_info.has_previous_page
    for wrong in ({"first": 0}, {"first": 101}, {"first": 1, "last": 1}, {"cursor": "x"}):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await page(**wrong)
        assert code_of(refused) is grpc.StatusCode.INVALID_ARGUMENT


async def test_lists_are_filtered(world: World) -> None:
    await world.ask([INCOMING])
    await world.ask([{"type": "quote", "actions": ["read"]}])
    await world.ask_user()
    for asked, count in (
        ({"identifiers": ["http://wallet.test/alice"]}, 2),
        ({"identifiers": ["http://wallet.test/bob"]}, 0),
        ({"states": ["PENDING"]}, 1),
        ({"states": ["PENDING", "APPROVED"]}, 3),
        ({"tenant_id": OTHER}, 0),
    ):
        listed = await world.edge.admin.ListGrants(pb.ListGrantsRequest(**asked))
        assert len(listed.grants) == count
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.edge.admin.ListGrants(pb.ListGrantsRequest(states=["GONE"]))
    assert code_of(refused) is grpc.StatusCode.INVALID_ARGUMENT


async def test_revoking_ends_a_grant_for_its_own_tenant_only(world: World) -> None:
    await add_tenant(world)
    value = (await world.ask([INCOMING])).body["access_token"]["value"]
    (grant,) = (await world.edge.admin.ListGrants(pb.ListGrantsRequest())).grants
    for call, request in (
        (world.edge.admin.GetGrant, pb.GetGrantRequest(id=grant.id, tenant_id=OTHER)),
        (
            world.edge.admin.RevokeGrant,
            pb.RevokeGrantRequest(id=grant.id, tenant_id=OTHER, idempotency_key="r0"),
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(request)
        assert code_of(refused) is grpc.StatusCode.NOT_FOUND
    assert await active(world, value)
    for key in ("r1", "r1", "r2"):
        await world.edge.admin.RevokeGrant(
            pb.RevokeGrantRequest(id=grant.id, tenant_id=str(TENANT), idempotency_key=key)
        )
    assert not await active(world, value)
    shown = await world.edge.admin.GetGrant(pb.GetGrantRequest(id=grant.id))
    assert (shown.state, shown.finalization_reason) == ("FINALIZED", "REVOKED")


async def test_a_tenant_has_its_own_consent_page_and_secret(world: World) -> None:
    await add_tenant(world)
    pending = await ask_other(
        world, access_token={"access": [OUTGOING]}, interact={"start": ["redirect"]}
    )
    redirect = pending.body["interact"]["redirect"]
    started = await world.edge.browse(redirect)
    assert started.headers["location"].startswith("http://other-idp.test/?interactId=")
    interaction = redirect.partition("/interact/")[2].partition("?")[0]
    wrong = await world.edge.idp("accept", interaction, secret=world_secret(world))
    assert wrong.status == 401
    right = await world.edge.idp("accept", interaction, secret="other-idp-secret")
    assert right.status == 202


async def test_a_tenant_without_consent_page_can_not_ask_users(world: World) -> None:
    await add_tenant(world, idp_consent_url=None)
    pending = await ask_other(
        world, access_token={"access": [OUTGOING]}, interact={"start": ["redirect"]}
    )
    assert (pending.status, pending.code) == (400, "invalid_request")
    assert (await ask_other(world)).status == 200


async def test_a_deleted_tenant_grants_nothing_and_its_tokens_end(world: World) -> None:
    await add_tenant(world)
    mine = (await world.ask([INCOMING])).body["access_token"]["value"]
    theirs = (await ask_other(world)).body["access_token"]["value"]
    request = pb.DeleteAuthTenantRequest(id=OTHER, idempotency_key="d")
    await world.edge.admin.DeleteAuthTenant(request)
    await world.edge.admin.DeleteAuthTenant(request)
    assert await active(world, mine)
    assert not await active(world, theirs)
    assert (await ask_other(world)).status == 404
    request.idempotency_key = "another"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.edge.admin.DeleteAuthTenant(request)
    assert code_of(refused) is grpc.StatusCode.NOT_FOUND
    await add_tenant(world, idempotency_key="t2")
    assert (await ask_other(world)).status == 200
    assert not await active(world, theirs)


async def test_tenants_are_checked(world: World) -> None:
    for wrong in ({"api_secret": ""}, {"idp_consent_url": "x"}, {"idempotency_key": ""}):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await add_tenant(world, **wrong)
        assert code_of(refused) is grpc.StatusCode.INVALID_ARGUMENT


def world_secret(world: World) -> str:
    return world.settings.identity_server_secret.get_secret_value()
