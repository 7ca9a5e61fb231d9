"""The migrations against the tables that the code works on."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from servicekit.database_url import driver_url
from sqlalchemy import Connection, Index, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateIndex

from services.backend import app  # noqa: F401 - it imports every table
from services.backend.schema.columns import metadata


def _is_ours(entity: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    del entity, reflected, other
    return kind != "table" or name in metadata.tables


async def test_the_schema_is_what_the_tables_say(backend_database_url: str) -> None:
    def differences(connection: Connection) -> Any:
        options = {"include_object": _is_ours}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    engine = create_async_engine(driver_url(backend_database_url))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_partial_indexes_have_the_same_predicates(backend_database_url: str) -> None:
    """Alembic compares no predicates, so the database's own text of both is compared."""
    partial = [
        index
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["postgresql"]["where"] is not None
    ]
    assert partial
    engine = create_async_engine(driver_url(backend_database_url))
    async with engine.connect() as connection:
        for index in partial:
            migrated = await _definition(connection, str(index.name))
            await connection.execute(text(f'DROP INDEX "{index.name}"'))
            await connection.execute(text(_create(index)))
            assert await _definition(connection, str(index.name)) == migrated
    await engine.dispose()


def _create(index: Index) -> str:
    return str(CreateIndex(index).compile(dialect=postgresql.dialect())).replace("%%", "%")  # type: ignore[no-untyped-call] # SQLAlchemy has no types there


async def _definition(connection: Any, name: str) -> str:
    query = text("SELECT indexdef FROM pg_indexes WHERE indexname = :name")
    return str((await connection.execute(query, {"name": name})).scalar_one())
