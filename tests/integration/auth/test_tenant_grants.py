"""A grant names only wallet addresses of the tenant whose server gives it."""

from typing import Any
from uuid import uuid4

import pytest
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.introspection.v1.introspection_service_pb2 import IntrospectRequest

from tests.integration.auth.conftest import INCOMING, OUTGOING, TENANT, World
from tests.integration.auth.edge import Reply

FIRST, SECOND = uuid4(), uuid4()
BASES = {FIRST: "https://Wallet.test/First", SECOND: "https://wallet.test/first/within"}
"""The operator's lie at https://wallet.test, the second tenant's even within the first one's."""
IDENTIFIERS = {
    "https://wallet.test/alice": TENANT,
    "https://wallet.test/firstly": TENANT,
    "https://WALLET.test:443//%66irst/bob": FIRST,
    "https://wallet.test/first/withins": FIRST,
    "https://wallet.test/first/within/carol": SECOND,
    "https://wallet.test/first/within//carol/": SECOND,
}
INTERACT = {"start": ["redirect"]}


async def tell(world: World, tenant: Any, base: str | None) -> None:
    await world.edge.admin.UpsertAuthTenant(
        pb.UpsertAuthTenantRequest(
            id=str(tenant),
            api_secret="a-secret",
            idp_consent_url="http://idp.test/",
            idp_secret="an-idp-secret",
            idempotency_key=str(uuid4()),
            wallet_address_url=base,
        )
    )


async def ask(world: World, tenant: Any, item: dict[str, Any]) -> Reply:
    body = {
        "access_token": {"access": [{"type": "quote", "actions": ["read"]}, item]},
        "client": world.client.url,
        "interact": INTERACT,
    }
    return await world.edge.call("POST", f"/{tenant}", world.client, body=body)


@pytest.mark.parametrize("item", [INCOMING, OUTGOING], ids=["incoming", "outgoing"])
async def test_three_tenants_and_every_spelling(world: World, item: dict[str, Any]) -> None:
    for tenant, base in BASES.items():
        await tell(world, tenant, base)
    for tenant in (TENANT, FIRST, SECOND):
        for identifier, owner in IDENTIFIERS.items():
            reply = await ask(world, tenant, {**item, "identifier": identifier})
            if tenant == owner:
                assert reply.status == 200, (identifier, reply.body)
            else:
                assert (reply.status, reply.code) == (400, "invalid_request"), identifier
                assert "authServer" in reply.body["error"]["description"]


async def test_a_tenant_without_a_place_of_its_own_shares_the_nodes(world: World) -> None:
    await tell(world, FIRST, BASES[FIRST])
    await tell(world, SECOND, None)
    shared = {**INCOMING, "identifier": "https://wallet.test/alice"}
    assert (await ask(world, SECOND, shared)).status == 200
    taken = {**INCOMING, "identifier": "https://wallet.test/first/bob"}
    assert (await ask(world, SECOND, taken)).status == 400


async def test_an_identifier_that_is_no_wallet_address_is_named(world: World) -> None:
    reply = await ask(world, TENANT, {**INCOMING, "identifier": "https://wallet.test/a?b=c"})
    assert (reply.status, reply.code) == (400, "invalid_request")


async def test_introspection_tells_whose_token_it_is(world: World) -> None:
    await tell(world, FIRST, BASES[FIRST])
    for tenant, identifier in ((TENANT, "https://w.test/a"), (FIRST, f"{BASES[FIRST]}/b")):
        body = {
            "access_token": {"access": [{**INCOMING, "identifier": identifier}]},
            "client": world.client.url,
        }
        reply = await world.edge.call("POST", f"/{tenant}", world.client, body=body)
        token = reply.body["access_token"]["value"]
        found = await world.edge.introspection.Introspect(IntrospectRequest(access_token=token))
        assert found.tenant_id == str(tenant)


@pytest.mark.parametrize("back", [False, True])
async def test_everything_of_a_deleted_tenant_ends_at_once(world: World, back: bool) -> None:
    await tell(world, FIRST, None)
    direct = await world.edge.call(
        "POST",
        f"/{FIRST}",
        world.client,
        body={"access_token": {"access": [INCOMING]}, "client": world.client.url},
    )
    pending = await ask(world, FIRST, OUTGOING)
    token = direct.body["access_token"]
    await world.edge.admin.DeleteAuthTenant(
        pb.DeleteAuthTenantRequest(id=str(FIRST), idempotency_key="delete")
    )
    if back:
        await tell(world, FIRST, None)
    else:
        assert (await ask(world, FIRST, OUTGOING)).status == 404
    found = await world.edge.introspection.Introspect(
        IntrospectRequest(access_token=token["value"])
    )
    assert not found.active
    management = token["manage"].removeprefix("http://auth.test")
    rotated = await world.edge.call("POST", management, world.client, token=token["value"])
    assert rotated.status in (401, 404)
    started = await world.edge.browse(pending.body["interact"]["redirect"])
    assert started.status == 403
    assert (await world.continue_(pending)).status in (401, 404)
