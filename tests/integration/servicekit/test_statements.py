"""Values go to Postgres and come back as they were, by every way a statement is run."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from servicekit.database import Database
from servicekit.statements import prepared
from servicekit.tables import new_metadata, uuid_primary_key
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Enum,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import CreateTable

from services.backend.schema.columns import BigUnits, Units

_METADATA = new_metadata()
_TABLE = Table(
    "kinds",
    _METADATA,
    uuid_primary_key(),
    Column("truth", Boolean),
    Column("small", SmallInteger),
    Column("number", Integer),
    Column("big", BigInteger),
    Column("exact", Numeric(40, 10)),
    Column("units", Units),
    Column("big_units", BigUnits),
    Column("words", Text),
    Column("short", String(20)),
    Column("raw", LargeBinary),
    Column("moment", DateTime(timezone=True)),
    Column("tree", JSONB),
    Column("names", ARRAY(String)),
    Column("kind", Enum("one", "two", name="kind", native_enum=False)),
)
_FULL: dict[str, Any] = {
    "id": UUID(int=2**127 + 5),
    "truth": True,
    "small": -(2**15),
    "number": 2**31 - 1,
    "big": -(2**63),
    "exact": Decimal("123456789012345678901234567890.1234567890"),
    "units": 2**64 - 1,
    "big_units": 10**79,
    "words": "grüße \U0001f600 'quoted' $1 :name",
    "short": "x",
    "raw": bytes(range(256)),
    "moment": datetime(2026, 11, 28, 4, 5, 6, 789, tzinfo=UTC),
    "tree": {"a": [1, None, {"b": "ü"}], "big": 2**60},
    "names": ["a", "b,c", "{}"],
    "kind": "two",
}
_EMPTY: dict[str, Any] = dict.fromkeys(_FULL) | {"id": UUID(int=1), "tree": {}}
_INSERT = prepared(insert(_TABLE), columns=list(_FULL))
_SELECT = prepared(select(_TABLE).where(_TABLE.c.id == bindparam("row_id")))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    async with opened.write() as session:
        await session.execute(text("DROP TABLE IF EXISTS kinds"))
        await session.execute(CreateTable(_TABLE))
    yield opened
    await opened.close()


@pytest.mark.parametrize("row", [_FULL, _EMPTY], ids=["full", "empty"])
async def test_every_type_comes_back_as_it_went(database: Database, row: dict[str, Any]) -> None:
    await database.write_one(_INSERT, row)
    async with database.read() as session:
        by_prepared = (await session.execute(_SELECT, {"row_id": row["id"]})).one()
        by_built = (await session.execute(select(_TABLE).where(_TABLE.c.id == row["id"]))).one()
    assert dict(by_prepared._mapping) == dict(by_built._mapping) == row
    assert type(by_prepared.units) is type(row["units"])


async def test_built_inserts_updates_and_deletes_take_values_and_give_rows(
    database: Database,
) -> None:
    async with database.write() as session:
        await session.execute(insert(_TABLE).values([_FULL, _EMPTY]))
        changed = await session.execute(
            update(_TABLE)
            .where(_TABLE.c.id.in_([_FULL["id"], _EMPTY["id"], UUID(int=9)]))
            .values(number=7)
            .returning(_TABLE.c.id, _TABLE.c.units.label("amount"))
        )
        assert changed.rowcount == 2
        assert {(row.id, row.amount) for row in changed} == {
            (_FULL["id"], 2**64 - 1),
            (_EMPTY["id"], None),
        }
        gone = await session.execute(delete(_TABLE).where(_TABLE.c.units == 2**64 - 1))
        assert gone.rowcount == 1
        assert (await session.scalars(select(_TABLE.c.id))).all() == [_EMPTY["id"]]


async def test_the_text_is_shared_and_the_values_are_not(database: Database) -> None:
    async with database.write() as session:
        await session.execute(insert(_TABLE), [_FULL, _EMPTY])
    with database.count_statements() as statements:
        async with database.read() as session:
            for size in (7, 2**31 - 1):
                query = select(_TABLE.c.id).where(_TABLE.c.number == size)
                found = (await session.scalars(query)).all()
                assert found == ([_FULL["id"]] if size > 7 else [])
    assert len(set(statements)) == 1


async def test_constants_of_a_prepared_statement_are_kept_and_may_be_replaced(
    database: Database,
) -> None:
    query = prepared(select(func.coalesce(bindparam("given", 5, type_=Integer), 0) + 1))
    async with database.read() as session:
        assert await session.scalar(query) == 6
        assert await session.scalar(query, {"given": 8}) == 9


async def test_a_list_is_given_to_a_prepared_statement_as_an_array(database: Database) -> None:
    await database.write_one(_INSERT, _FULL)
    ids = bindparam("ids", type_=ARRAY(_TABLE.c.id.type))
    query = prepared(select(_TABLE.c.units).where(_TABLE.c.id == any_(ids)))
    async with database.read() as session:
        assert await session.scalar(query, {"ids": [_FULL["id"], UUID(int=3)]}) == 2**64 - 1


def test_a_statement_whose_text_follows_its_values_can_not_be_prepared() -> None:
    with pytest.raises(TypeError, match="ANY"):
        prepared(select(_TABLE).where(_TABLE.c.id.in_(bindparam("ids", expanding=True))))


async def test_a_missing_parameter_is_named(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(TypeError, match="row_id"):
            await session.execute(_SELECT, {})


async def test_text_with_declared_columns_converts_them(database: Database) -> None:
    await database.write_one(_INSERT, _FULL)
    query = prepared(text("SELECT id, units FROM kinds").columns(_TABLE.c.id, _TABLE.c.units))
    async with database.read() as session:
        row = (await session.execute(query)).mappings().one()
        plain = (await session.execute(text("SELECT moment, tree FROM kinds"))).one()
    assert row == {"id": _FULL["id"], "units": 2**64 - 1}
    assert plain.moment - _FULL["moment"] == timedelta(0)
    assert plain.tree == _FULL["tree"]
