"""Sign-ins of the admin pages against a real backend: who gets a session and what ends it."""

import json
from typing import Any
from uuid import uuid4

import pytest
from rafiki.admin.v1 import session_service_pb2 as pb
from rafiki.admin.v1 import tenant_service_pb2 as tenants
from servicekit.clock import SystemClock
from servicekit.errors import InvalidArgument, ResourceExhausted, Unauthenticated
from servicekit.hmac_signature import make_signature

from services.backend.admin_sessions.failures import (
    FAILURES_PER_SOURCE_MAX,
    FAILURES_PER_TENANT_MAX,
    WINDOW_MS,
    SignInFailures,
)
from tests.integration.backend.admin.conftest import ADMIN_SECRET, OPERATOR, World, key
from tests.support.clock import ManualClock

SECRET = "a tenant's own secret"


async def _start(
    world: World, tenant_id: str, secret: str, source: str = "a"
) -> pb.StartSessionResponse:
    probe = {"nonce": str(uuid4())}
    signature = make_signature(probe, secret=secret, version=1, now_ms=SystemClock().now_ms())
    started: pb.StartSessionResponse = await world.sessions.StartSession(
        pb.StartSessionRequest(
            tenant_id=tenant_id,
            signature=signature,
            body=json.dumps(probe).encode(),
            source=source,
        )
    )
    return started


async def _check(world: World, token: str) -> pb.CheckSessionResponse:
    whose: pb.CheckSessionResponse = await world.sessions.CheckSession(
        pb.CheckSessionRequest(token=token)
    )
    return whose


async def _tenant(world: World) -> str:
    made = await world.tenants.CreateTenant(
        tenants.CreateTenantRequest(api_secret=SECRET, idempotency_key=key())
    )
    return str(made.id)


async def _sign_out(world: World, _: str, token: str) -> None:
    await world.sessions.EndSession(pb.EndSessionRequest(token=token))


async def _change_the_secret(world: World, tenant_id: str, _: str) -> None:
    await world.tenants.UpdateTenant(
        tenants.UpdateTenantRequest(
            id=tenant_id, api_secret="another secret of it", idempotency_key=key()
        )
    )


async def _delete(world: World, tenant_id: str, _: str) -> None:
    await world.tenants.DeleteTenant(
        tenants.DeleteTenantRequest(id=tenant_id, idempotency_key=key())
    )


@pytest.mark.parametrize("end", [_sign_out, _change_the_secret, _delete])
async def test_a_session_is_over_as_soon_as_what_ended_it_was_answered(
    world: World, end: Any
) -> None:
    tenant_id = await _tenant(world)
    token = (await _start(world, tenant_id, SECRET)).token
    other = (await _start(world, tenant_id, SECRET)).token
    assert await _check(world, token) == pb.CheckSessionResponse(tenant_id=tenant_id)
    await end(world, tenant_id, token)
    with pytest.raises(Unauthenticated):
        await _check(world, token)
    if end is _sign_out:
        assert (await _check(world, other)).tenant_id == tenant_id


async def test_the_operator_is_told_as_such_and_strangers_get_nothing(world: World) -> None:
    started = await _start(world, str(OPERATOR), ADMIN_SECRET)
    assert started.is_operator
    assert (await _check(world, started.token)).is_operator
    for token in ("", "x", started.token + "x", "\u00e9"):
        with pytest.raises(Unauthenticated):
            await _check(world, token)
    for tenant_id, secret in ((str(OPERATOR), SECRET), (str(uuid4()), SECRET), ("x", SECRET)):
        with pytest.raises(Unauthenticated):
            await _start(world, tenant_id, secret)


async def test_a_database_that_leaks_gives_no_session_away(world: World) -> None:
    token = (await _start(world, str(OPERATOR), ADMIN_SECRET)).token
    async with world.database.read() as session:
        from sqlalchemy import text  # noqa: PLC0415 - the only statement of this file

        rows = (await session.execute(text("SELECT * FROM admin_sessions"))).all()
    assert len(rows) == 1
    assert token not in str(rows)
    assert ADMIN_SECRET not in str(rows)


async def test_guessing_ends_after_a_few_failures_of_one_address(world: World) -> None:
    for _ in range(FAILURES_PER_SOURCE_MAX):
        with pytest.raises(Unauthenticated):
            await _start(world, str(OPERATOR), "wrong secret", source="guesser")
    with pytest.raises(ResourceExhausted) as limited:
        await _start(world, str(OPERATOR), ADMIN_SECRET, source="guesser")
    assert limited.value.reason == "RATE_LIMITED"
    assert (await _start(world, str(OPERATOR), ADMIN_SECRET, source="at home")).is_operator


@pytest.mark.parametrize("secret", ["", "x", "x" * 15])
async def test_a_secret_that_can_be_guessed_is_refused(world: World, secret: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await world.tenants.CreateTenant(
            tenants.CreateTenantRequest(api_secret=secret, idempotency_key=key())
        )
    assert refused.value.field == "api_secret"
    assert "16" in refused.value.message


async def test_failures_are_forgotten_after_their_minute_and_counted_over_all_addresses() -> None:
    clock = ManualClock()
    failures = SignInFailures(clock=clock)
    for number in range(FAILURES_PER_TENANT_MAX):
        failures.check("t", f"{number}")
        failures.failed("t", f"{number}")
    with pytest.raises(ResourceExhausted):
        failures.check("t", "fresh")
    failures.check("other", "fresh")
    await clock.advance(WINDOW_MS / 1000)
    failures.check("t", "fresh")
