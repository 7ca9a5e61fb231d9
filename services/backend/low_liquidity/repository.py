"""SQL for accounts whose low liquidity was told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from servicekit.database import WriteSession
from servicekit.statements import prepared
from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, column, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.backend.low_liquidity.model import Level
from services.backend.low_liquidity.tables import low_liquidity as table

_LOW: Final = (
    func.unnest(bindparam("ids", type_=ARRAY(Uuid)), bindparam("tenants", type_=ARRAY(Uuid)))
    .table_valued(column("account_id", Uuid), column("tenant_id", Uuid), name="low")
    .render_derived()
)
_FALL: Final = prepared(
    insert(table)
    .from_select(
        ["account_id", "tenant_id", "told_at"],
        select(
            _LOW.c.account_id,
            _LOW.c.tenant_id,
            bindparam("now", type_=DateTime(timezone=True)),
        ),
    )
    .on_conflict_do_nothing(index_elements=[table.c.account_id])
    .returning(table.c.account_id)
)
_RISE: Final = prepared(
    delete(table).where(table.c.account_id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
)


async def fall(session: WriteSession, levels: Sequence[Level], now: datetime) -> set[UUID]:
    """Mark accounts as low; returns those that were not."""
    values: dict[str, Any] = {
        "ids": [level.watched.id for level in levels],
        "tenants": [level.watched.tenant_id for level in levels],
        "now": now,
    }
    return set((await session.execute(_FALL, values)).scalars())


def rise(session: WriteSession, levels: Sequence[Level]) -> None:
    """Forget that accounts were low."""
    session.add(_RISE, {"ids": [level.watched.id for level in levels]})
