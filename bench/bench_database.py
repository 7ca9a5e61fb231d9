"""CPU of the client process for one statement, by the way it is run.

    python -m bench.bench_database [--statements N]

One row is read by its key, or one row updated, over and over on a real Postgres. "SQLAlchemy
engine" is what the sessions of servicekit were built on before; the last rows are asyncpg alone,
which nothing can be faster than.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
from servicekit.database import Database
from servicekit.database_url import driver_url
from servicekit.statements import prepared
from servicekit.tables import created_at, new_metadata, timestamp, uuid_primary_key
from sqlalchemy import BigInteger, Column, Table, Text, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateTable

from tests.support.postgres import running_server

WARM_UP = 100
ROW_ID = UUID(int=7)
_things = Table(
    "things",
    new_metadata(),
    uuid_primary_key(),
    Column("tenant_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("details", JSONB, nullable=False),
    created_at(),
    timestamp("ended_at", nullable=True),
)
_BY_ID = select(_things).where(_things.c.id == bindparam("row_id"))
_ADD = update(_things).where(_things.c.id == bindparam("row_id")).values(amount=bindparam("value"))
_PREPARED_BY_ID, _PREPARED_ADD = prepared(_BY_ID), prepared(_ADD)
_ADDED = {"row_id": ROW_ID, "value": 5}
Once = Callable[[], Awaitable[Any]]


async def measure(name: str, run_once: Once, statements: int) -> None:
    for _ in range(WARM_UP):
        await run_once()
    begun = time.process_time()
    for _ in range(statements):
        await run_once()
    each_us = (time.process_time() - begun) / statements * 1e6
    print(f"| {name:<58} | {each_us:>7.0f} |")


def built_read() -> Any:
    return select(_things).where(_things.c.id == ROW_ID)


def built_write() -> Any:
    return update(_things).where(_things.c.id == ROW_ID).values(amount=5)


async def by_engine(engine: AsyncEngine, statements: int) -> None:
    async def read() -> Any:
        async with engine.connect() as connection:
            return (await connection.execute(built_read())).one()

    async def write() -> Any:
        async with engine.begin() as connection:
            return await connection.execute(built_write())

    await measure("read: SQLAlchemy engine, select built each time", read, statements)
    await measure("write: SQLAlchemy engine, BEGIN, update built, COMMIT", write, statements)


async def by_session(database: Database, statements: int) -> None:
    async def read_built() -> Any:
        async with database.read() as session:
            return (await session.execute(built_read())).one()

    async def read_prepared() -> Any:
        async with database.read() as session:
            return (await session.execute(_PREPARED_BY_ID, {"row_id": ROW_ID})).one()

    async def write_built() -> Any:
        async with database.write() as session:
            return await session.execute(built_write())

    async def write_prepared() -> Any:
        async with database.write() as session:
            return await session.execute(_PREPARED_ADD, _ADDED)

    async def write_one() -> Any:
        return await database.write_one(_PREPARED_ADD, _ADDED)

    await measure("read: session, select built each time", read_built, statements)
    await measure("read: session, prepared", read_prepared, statements)
    await measure("write: session, BEGIN, update built, COMMIT", write_built, statements)
    await measure("write: session, BEGIN, update prepared, COMMIT", write_prepared, statements)
    await measure("write: write_one, prepared, its own transaction", write_one, statements)


async def run(url: str, statements: int) -> None:
    database = Database(url)
    engine = create_async_engine(driver_url(url), pool_use_lifo=True)
    raw = await asyncpg.connect(url)
    async with database.write() as session:
        await session.execute(CreateTable(_things))
        row = {"id": ROW_ID, "tenant_id": "t", "amount": 1, "details": {"a": [1, 2]}}
        await session.execute(insert(_things).values(**row))
    raw_read = await raw.prepare(_PREPARED_BY_ID.sql)
    raw_write = await raw.prepare(_PREPARED_ADD.sql)
    print(f"| {'one statement':<58} | {'CPU us':>7} |\n|{'-' * 60}|{'-' * 9}|")
    await by_engine(engine, statements)
    await by_session(database, statements)
    await measure("read: asyncpg alone", lambda: raw_read.fetch(ROW_ID), statements)
    await measure("write: asyncpg alone", lambda: raw_write.fetch(5, ROW_ID), statements)
    await raw.close()
    await engine.dispose()
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=3_000)
    options = parser.parse_args()
    with running_server() as server:
        asyncio.run(run(server.url(), options.statements))


if __name__ == "__main__":
    main()
