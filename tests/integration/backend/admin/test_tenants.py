"""Tenants: their life, their signatures, and that auth hears of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import peer_service_pb2
from rafiki.admin.v1 import tenant_service_pb2 as pb
from rafiki.common.v1.paging_pb2 import PageRequest
from rafiki.openpayments.v1 import incoming_payment_service_pb2 as public_payments
from rafiki.routing.v1 import routing_service_pb2 as routing
from servicekit.clock import SystemClock
from servicekit.database import Database
from servicekit.errors import (
    AlreadyExists,
    Conflict,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from servicekit.hmac_signature import make_signature
from servicekit.lifecycle import Lifecycle
from servicekit.outbox_tables import PARKED
from sqlalchemy import select

from services.auth.app import AuthApp
from services.auth.migrations.run import upgrade
from services.auth.settings import AuthSettings
from services.auth.tenants.tables import tenants as auth_tenants
from services.backend.events.tables import webhook_deliveries
from tests.integration.backend.admin.conftest import (
    ADMIN_SECRET,
    OPERATOR,
    World,
    eventually,
    key,
)
from tests.support.postgres import TestPostgres

UNKNOWN = "018f4a0c-0000-7000-8000-000000000000"
BODY = b'{"query": "{ whoami { id } }"}'
SIGNED = {"query": "{ whoami { id } }"}


def _setting(name: str, value: str) -> pb.TenantSetting:
    return pb.TenantSetting(key=name, value=value)


async def _create(world: World, **fields: Any) -> Any:
    defaults = {"api_secret": "the-tenant-secret", "idempotency_key": key()}
    return await world.tenants.CreateTenant(pb.CreateTenantRequest(**(defaults | fields)))


async def _get(world: World, tenant_id: str) -> Any:
    return await world.tenants.GetTenant(pb.GetTenantRequest(id=tenant_id))


async def _update(world: World, tenant_id: str, **fields: Any) -> Any:
    request = pb.UpdateTenantRequest(id=tenant_id, idempotency_key=key(), **fields)
    return await world.tenants.UpdateTenant(request)


async def _set(world: World, tenant_id: str, *settings: pb.TenantSetting) -> Any:
    request = pb.SetTenantSettingsRequest(
        tenant_id=tenant_id, settings=settings, idempotency_key=key()
    )
    return await world.tenants.SetTenantSettings(request)


async def _delete(world: World, tenant_id: str) -> None:
    request = pb.DeleteTenantRequest(id=tenant_id, idempotency_key=key())
    await world.tenants.DeleteTenant(request)


async def _verify(world: World, tenant_id: str, secret: str, signature: str | None = None) -> Any:
    if signature is None:
        signature = _signature(secret)
    request = pb.VerifyApiSignatureRequest(tenant_id=tenant_id, signature=signature, body=BODY)
    return await world.tenants.VerifyApiSignature(request)


def _signature(secret: str) -> str:
    return make_signature(SIGNED, secret=secret, version=1, now_ms=SystemClock().now_ms())


async def test_a_tenant_lives_and_ends(world: World) -> None:
    created = await _create(
        world,
        email="ops@tenant.test",
        public_name="Tenant",
        idp_consent_url="https://tenant.test/consent",
        idp_secret="idp-secret",
        settings=[_setting("WEBHOOK_URL", "https://tenant.test/hooks")],
    )
    assert created == await _get(world, created.id)
    assert created.email == "ops@tenant.test"
    assert [(s.key, s.value) for s in created.settings] == [
        ("WEBHOOK_URL", "https://tenant.test/hooks")
    ]
    changed = await _update(world, created.id, public_name="Other", email="")
    assert changed.public_name == "Other"
    assert not changed.HasField("email")
    assert changed.idp_consent_url == created.idp_consent_url
    assert changed.settings == created.settings
    await _delete(world, created.id)
    for call in (_get(world, created.id), _delete(world, created.id)):
        with pytest.raises(NotFound) as gone:
            await call
        assert gone.value.reason == "UNKNOWN_TENANT"


async def test_a_repeat_makes_no_second_tenant(world: World) -> None:
    again = key()
    first = await _create(world, idempotency_key=again)
    assert await _create(world, idempotency_key=again) == first
    with pytest.raises(Conflict):
        await _create(world, idempotency_key=again, email="other@tenant.test")
    with pytest.raises(AlreadyExists):
        await _create(world, id=first.id)


async def test_tenants_are_listed_newest_first(world: World) -> None:
    # Ids of the caller's own choice say nothing of their order.
    made = [(await _create(world, id=str(UUID(int=n)))).id for n in (9, 3, 6)]
    setting = _setting("WEBHOOK_TIMEOUT", "500")
    await _set(world, made[1], setting)
    listed = (
        await world.tenants.ListTenants(pb.ListTenantsRequest(page=PageRequest(first=3)))
    ).tenants
    assert [tenant.id for tenant in listed] == made[::-1]
    assert list(listed[1].settings) == [setting]
    request = pb.ListTenantsRequest(page=PageRequest(first=3, cursor=made[0]))
    assert [t.id for t in (await world.tenants.ListTenants(request)).tenants] == [str(OPERATOR)]
    request = pb.ListTenantsRequest(page=PageRequest(last=1, cursor=made[0]))
    assert [t.id for t in (await world.tenants.ListTenants(request)).tenants] == [made[1]]
    await _delete(world, made[2])
    everything = (await world.tenants.ListTenants(pb.ListTenantsRequest())).tenants
    assert {tenant.id for tenant in everything} == {str(OPERATOR), *made[:2]}


async def test_settings_are_set_one_by_one_and_taken_away(world: World) -> None:
    tenant = await _create(world)
    await _set(world, tenant.id, _setting("WALLET_ADDRESS_URL", "http://bank.test/wallets/"))
    both = await _set(world, tenant.id, _setting("WEBHOOK_MAX_RETRY", "3"))
    assert {s.key: s.value for s in both.settings} == {
        "WALLET_ADDRESS_URL": "http://bank.test/wallets",
        "WEBHOOK_MAX_RETRY": "3",
    }
    left = await _set(world, tenant.id, _setting("WEBHOOK_MAX_RETRY", ""))
    assert [s.key for s in left.settings] == ["WALLET_ADDRESS_URL"]
    assert await _get(world, tenant.id) == left


async def test_what_tells_tenants_apart_belongs_to_one_of_them(world: World) -> None:
    address = _setting("ILP_ADDRESS", "test.bank.tenant")
    first, second = await _create(world, settings=[address]), await _create(world)
    with pytest.raises(AlreadyExists):
        await _set(world, second.id, address)
    await _delete(world, first.id)
    assert (await _set(world, second.id, address)).settings == [address]


@pytest.mark.parametrize(
    "fields",
    [
        {"api_secret": ""},
        {"idp_consent_url": "ftp://tenant.test"},
        {"id": "no-uuid"},
        {"settings": [_setting("UNKNOWN", "x")]},
        {"settings": [_setting("WEBHOOK_TIMEOUT", "soon")]},
        {"settings": [_setting("WEBHOOK_URL", "tenant.test")]},
        {"settings": [_setting("ILP_ADDRESS", "not an address")]},
    ],
)
async def test_what_can_not_be_a_tenant_is_refused(world: World, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        await _create(world, **fields)
    assert len((await world.tenants.ListTenants(pb.ListTenantsRequest())).tenants) == 1


async def test_the_operator_stays_what_the_settings_say(world: World) -> None:
    with pytest.raises(PermissionDenied):
        await _delete(world, str(OPERATOR))
    with pytest.raises(PermissionDenied):
        await _update(world, str(OPERATOR), api_secret="another")
    assert (await _update(world, str(OPERATOR), public_name="Bank")).public_name == "Bank"
    with pytest.raises(NotFound):
        await _update(world, UNKNOWN, public_name="Nobody")


async def test_a_signature_tells_who_calls_once(world: World) -> None:
    operator = await _verify(world, str(OPERATOR), ADMIN_SECRET)
    assert operator == pb.VerifyApiSignatureResponse(tenant_id=str(OPERATOR), is_operator=True)
    tenant = await _create(world)
    signature = _signature("the-tenant-secret")
    caller = await _verify(world, tenant.id, "", signature)
    assert caller == pb.VerifyApiSignatureResponse(tenant_id=tenant.id)
    for tenant_id, refused in (
        (tenant.id, signature),
        (tenant.id, _signature(ADMIN_SECRET)),
        (UNKNOWN, _signature("the-tenant-secret")),
        ("no-uuid", _signature("the-tenant-secret")),
        (tenant.id, "t=1, v1=00"),
    ):
        with pytest.raises(Unauthenticated) as denied:
            await _verify(world, tenant_id, "", refused)
        assert denied.value.reason == "SIGNATURE_INVALID"


async def test_nothing_of_a_deleted_tenant_is_served(world: World) -> None:
    tenant = await _create(world)
    asset = await world.asset(tenant_id=tenant.id)
    peer = await world.peer(asset.id, "test.gone", tenant_id=tenant.id)
    request = routing.ListRoutesRequest(tenant_id=tenant.id)
    assert len((await world.routing.ListRoutes(request)).routes) == 1
    wallet = await world.wallet(asset.id, tenant_id=tenant.id)
    await world.outside.stop()
    payment = await _receive(world, wallet.id)
    public = public_payments.GetPublicIncomingPaymentRequest(tenant_id=tenant.id, id=payment.id)
    assert (await world.public_payments.GetPublicIncomingPayment(public)).auth_server
    await _delete(world, tenant.id)
    with pytest.raises(NotFound) as gone:
        await eventually(
            lambda: world.public_payments.GetPublicIncomingPayment(public), lambda _: False
        )
    assert gone.value.reason == "UNKNOWN_TENANT"
    async with world.database.read() as session:
        lane = webhook_deliveries.c.lane == tenant.id
        states = await session.scalars(select(webhook_deliveries.c.state).where(lane))
    assert list(states) == [PARKED]
    with pytest.raises(Unauthenticated):
        await _verify(world, tenant.id, "the-tenant-secret")
    with pytest.raises(NotFound):
        await world.routing.ListRoutes(request)
    with pytest.raises(NotFound):
        await world.peers.GetPeer(peer_service_pb2.GetPeerRequest(id=peer.id))
    with pytest.raises(FailedPrecondition) as inactive:
        await _receive(world, wallet.id)
    assert inactive.value.reason == "INACTIVE_WALLET_ADDRESS"


async def _receive(world: World, wallet_address_id: str) -> Any:
    return await world.payments.CreateIncomingPayment(
        payments.CreateIncomingPaymentRequest(
            wallet_address_id=wallet_address_id, idempotency_key=key()
        )
    )


class Auth:
    """A real auth that a test starts when it wants."""

    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._database = Database(settings.database_url.get_secret_value())

    async def start(self) -> None:
        await AuthApp(settings=self._settings).start(Lifecycle(self._stack))

    async def close(self) -> None:
        await self._stack.aclose()
        await self._database.close()

    async def tenant(self, tenant_id: str) -> Any:
        query = select(auth_tenants).where(auth_tenants.c.id == UUID(tenant_id))
        async with self._database.read() as session:
            return (await session.execute(query)).one_or_none()


@pytest.fixture
async def auth(
    postgres_server: TestPostgres, redis_url: str, auth_grpc_port: int
) -> AsyncIterator[Auth]:
    url = postgres_server.create_database(postgres_server.template("auth", upgrade))
    auth = Auth(
        AuthSettings(
            AUTH_PORT=0,
            GRPC_PORT=auth_grpc_port,
            AUTH_DATABASE_URL=url,
            REDIS_URL=redis_url,
            AUTH_SERVER_URL="http://auth.test",
            COOKIE_KEY="a-cookie-key-for-tests",
            IDENTITY_SERVER_URL="http://idp.test/consent",
            IDENTITY_SERVER_SECRET="the-idp-secret",
            NODE_ENV="test",
            OPERATOR_TENANT_ID=OPERATOR,
            ADMIN_API_SECRET=ADMIN_SECRET,
            ENABLE_MANUAL_MIGRATIONS=True,
        )
    )
    yield auth
    await auth.close()
    postgres_server.drop_database(url)


async def test_auth_hears_of_each_change(auth: Auth, world: World) -> None:
    await auth.start()
    tenant = await _create(world, idp_consent_url="https://tenant.test/1", idp_secret="s")
    known = await eventually(lambda: auth.tenant(tenant.id), lambda row: row is not None)
    assert known.idp_consent_url == "https://tenant.test/1"
    await _update(world, tenant.id, idp_consent_url="https://tenant.test/2")
    # Back to what it was: a new change all the same, which must not pass for the first one.
    await _update(world, tenant.id, idp_consent_url="https://tenant.test/1")
    await _update(world, tenant.id, idp_consent_url="https://tenant.test/3")
    await eventually(
        lambda: auth.tenant(tenant.id),
        lambda row: row.idp_consent_url == "https://tenant.test/3",
    )
    await _delete(world, tenant.id)
    await eventually(lambda: auth.tenant(tenant.id), lambda row: row.deleted_at is not None)


async def test_auth_hears_of_a_change_that_came_while_it_was_away(auth: Auth, world: World) -> None:
    tenant = await _create(world, id=str(uuid4()))
    await auth.start()
    assert await eventually(lambda: auth.tenant(tenant.id), lambda row: row is not None)
    assert (await auth.tenant(str(OPERATOR))).idp_consent_url == "http://idp.test/consent"
