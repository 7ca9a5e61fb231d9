"""A started backend deletes what has served, and is quiet when it has nothing to do."""

from contextlib import AsyncExitStack

from servicekit.database import Database
from servicekit.lifecycle import Lifecycle
from sqlalchemy import text

from services.backend.app import BackendApp
from services.backend.settings import BackendSettings
from tests.integration.backend.admin.conftest import eventually

_KEYS = text(
    "INSERT INTO idempotency_keys VALUES ('s', 'old', '', '', now() - interval '1 second'),"
    " ('s', 'new', '', '', now() + interval '1 hour')"
)
_DELIVERIES = """
    INSERT INTO {table} (id, lane, ordering_key, payload, state, attempts_max, due_at, finished_at)
    SELECT gen_random_uuid(), lane, 'k', '{{}}', state, 1, now(), now() - make_interval(days => age)
    FROM (VALUES ('delivered', 1, 31), ('fresh', 1, 29), ('parked', 2, 99)) AS t (lane, state, age)
"""
_LEFT = {
    "idempotency_keys": "SELECT key FROM idempotency_keys ORDER BY key",
    "webhook_deliveries": "SELECT lane FROM webhook_deliveries ORDER BY lane",
    "auth_tenant_changes": "SELECT lane FROM auth_tenant_changes WHERE state <> 0 ORDER BY lane",
}


async def test_served_rows_are_deleted_by_the_backend_itself(settings: BackendSettings) -> None:
    database = Database(settings.database_url.get_secret_value())

    async def left() -> dict[str, list[str]]:
        async with database.read() as session:
            return {
                name: list((await session.scalars(text(sql))).all()) for name, sql in _LEFT.items()
            }

    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        async with database.write() as session:
            await session.execute(_KEYS)
            for name in ("webhook_deliveries", "auth_tenant_changes"):
                await session.execute(text(_DELIVERIES.format(table=name)))
        await BackendApp(settings=settings).start(Lifecycle(stack))
        kept = ["fresh", "parked"]
        expected = {
            "idempotency_keys": ["new"],
            "webhook_deliveries": kept,
            "auth_tenant_changes": kept,
        }
        await eventually(left, lambda found: found == expected)
