"""Calls of the Admin edge: for the tenant that they name, and signed by it where they say so."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from rafiki.admin.v1 import (
    asset_service_pb2,
    reconciliation_service_pb2,
    tenant_service_pb2,
)
from rafiki.admin.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub
from servicekit.acting_tenant import Actor, Signature
from servicekit.clock import SystemClock
from servicekit.errors import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ServiceError,
    Unauthenticated,
)
from servicekit.hmac_signature import make_signature

from tests.integration.backend.admin.conftest import ADMIN_SECRET, OPERATOR, World, key

SECRET = "the-tenant-secret"
BODY = b'{"query": "{ assets { edges { cursor } } }"}'


async def _tenant(world: World) -> str:
    made = await world.tenants.CreateTenant(
        tenant_service_pb2.CreateTenantRequest(api_secret=SECRET, idempotency_key=key())
    )
    return str(made.id)


def _signed(tenant_id: str, secret: str, call: str) -> Actor:
    text = make_signature(
        {"query": "{ assets { edges { cursor } } }"},
        secret=secret,
        version=1,
        now_ms=SystemClock().now_ms(),
    )
    return Actor(tenant_id=tenant_id, signature=Signature(text=text, body=BODY, call=call))


async def _assets(world: World, actor: Actor, **fields: Any) -> list[str]:
    request = asset_service_pb2.ListAssetsRequest(**fields)
    reply = await world.assets.ListAssets(request, metadata=actor.metadata())
    return [asset.tenant_id for asset in reply.assets]


async def _create(world: World, actor: Actor | None = None, **fields: Any) -> Any:
    request = asset_service_pb2.CreateAssetRequest(
        code=f"C{uuid4().hex[:8].upper()}", scale=2, idempotency_key=key(), **fields
    )
    return await world.assets.CreateAsset(request, metadata=actor.metadata() if actor else ())


async def test_a_call_that_carries_its_signature_is_good_for_that_call(world: World) -> None:
    actor = _signed(str(OPERATOR), ADMIN_SECRET, call=str(uuid4()))
    # The same call is tried again when its answer is lost.
    for _ in range(2):
        await _assets(world, actor)
    assert actor.signature is not None
    other = Signature(text=actor.signature.text, body=BODY, call=str(uuid4()))
    nameless = Signature(text=actor.signature.text, body=BODY, call="")
    for repeated in (other, nameless):
        with pytest.raises(Unauthenticated):
            await _assets(world, Actor(tenant_id=actor.tenant_id, signature=repeated))


async def test_an_id_may_be_written_in_capitals(world: World) -> None:
    tenant_id = await _tenant(world)
    assert (await _create(world, Actor(tenant_id=tenant_id.upper()))).tenant_id == tenant_id
    get = tenant_service_pb2.GetTenantRequest(id=tenant_id)
    for actor in (tenant_id.upper(), str(OPERATOR).upper()):
        metadata = Actor(tenant_id=actor).metadata()
        assert (await world.tenants.GetTenant(get, metadata=metadata)).id == tenant_id
    everyone = tenant_service_pb2.ListTenantsRequest()
    await world.tenants.ListTenants(everyone, metadata=metadata)


async def test_who_did_not_sign_is_refused_before_anything_is_done(world: World) -> None:
    tenant_id = await _tenant(world)
    for actor in (
        _signed(tenant_id, ADMIN_SECRET, call="1"),
        _signed(str(OPERATOR), SECRET, call="1"),
        _signed("no-uuid", SECRET, call="1"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await _create(world, actor)
        assert refused.value.reason == "SIGNATURE_INVALID"


async def test_a_tenant_is_kept_to_what_is_its_own(world: World) -> None:
    tenant_id = await _tenant(world)
    actor = Actor(tenant_id=tenant_id)
    await _create(world)
    assert (await _create(world, actor)).tenant_id == tenant_id
    for asked in ({}, {"tenant_id": str(OPERATOR)}):
        assert set(await _assets(world, actor, **asked)) == {tenant_id}
    with pytest.raises(InvalidArgument) as refused:
        await _create(world, actor, tenant_id=str(OPERATOR))
    assert refused.value.field == "tenantId"
    assert {tenant_id, str(OPERATOR)} <= set(await _assets(world, Actor(tenant_id=str(OPERATOR))))


async def test_tenants_are_the_operators_and_their_own(world: World) -> None:
    tenant_id = await _tenant(world)
    pb, metadata = tenant_service_pb2, Actor(tenant_id=tenant_id).metadata()
    tenants, refused = world.tenants, PermissionDenied
    channel: Any = world.channel
    reconciliation: Any = ReconciliationServiceStub(channel)
    calls: list[tuple[Callable[..., Awaitable[Any]], Message, type[ServiceError]]] = [
        (tenants.ListTenants, pb.ListTenantsRequest(), refused),
        (tenants.CreateTenant, pb.CreateTenantRequest(api_secret=SECRET), refused),
        (tenants.DeleteTenant, pb.DeleteTenantRequest(id=tenant_id), refused),
        (
            reconciliation.GetReconciliation,
            reconciliation_service_pb2.GetReconciliationRequest(),
            refused,
        ),
        (tenants.GetTenant, pb.GetTenantRequest(id=str(OPERATOR)), NotFound),
        (tenants.UpdateTenant, pb.UpdateTenantRequest(id=str(OPERATOR)), NotFound),
    ]
    for call, request, error in calls:
        with pytest.raises(error):
            await call(request, metadata=metadata)
    own = await tenants.GetTenant(pb.GetTenantRequest(id=tenant_id), metadata=metadata)
    assert own.id == tenant_id
