"""The process itself: health, reflection, schema, discovery."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from servicekit.database_url import driver_url
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.valkey import ValkeyServer
from services.auth.schema.metadata import metadata
from tests.integration.auth.conftest import World
from tests.integration.auth.edge import PUBLIC_URL

SERVICES = {
    "rafiki.grant.v1.GrantService",
    "rafiki.grant.v1.InteractionService",
    "rafiki.grant.v1.GrantAdminService",
    "rafiki.introspection.v1.IntrospectionService",
}


async def test_health_asks_the_stores(world: World, valkey_server: ValkeyServer) -> None:
    healthy = await world.edge.browse(f"{PUBLIC_URL}/healthz")
    assert (healthy.status, healthy.body["checks"]) == (200, {"postgres": "ok", "redis": "ok"})
    stub: Any = health_pb2_grpc.HealthStub(world.edge.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in SERVICES:
        reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert reply.status == serving
    valkey_server.stop()
    try:
        await world.clock.advance(2)
        sick = await world.edge.browse(f"{PUBLIC_URL}/healthz")
        assert (sick.status, sick.body["status"]) == (200, "degraded")
        assert sick.body["checks"]["postgres"] == "ok"
        assert sick.body["checks"]["redis"] != "ok"
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == serving
        pending = await world.ask_user()
        started = await world.edge.browse(pending.body["interact"]["redirect"])
        assert started.status == 503
    finally:
        valkey_server.start()


async def test_reflection_lists_every_service(world: World) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(world.edge.channel)

    async def ask() -> Any:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async for reply in stub.ServerReflectionInfo(ask()):
        names = {service.name for service in reply.list_services_response.service}
    assert names >= SERVICES


async def test_the_schema_is_what_the_tables_say(world: World) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    engine = create_async_engine(driver_url(world.settings.database_url.get_secret_value()))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_discovery_tells_what_is_offered(world: World) -> None:
    reply = await world.edge.browse(f"{PUBLIC_URL}/discovery")
    assert reply.body["interaction_start_modes_supported"] == ["redirect"]
