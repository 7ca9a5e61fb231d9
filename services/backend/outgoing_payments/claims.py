"""SQL by which workers take payments, keep them, and give them back.

A claim is a lease, and a number: how often the payment was taken. Whoever gives a payment back
names the number, and writes nothing when another has taken the payment since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database, ReadSession, WriteSession
from servicekit.statements import prepared
from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    Uuid,
    all_,
    bindparam,
    column,
    func,
    null,
    or_,
    select,
    update,
)

from services.backend.assets.model import Asset
from services.backend.assets.tables import assets
from services.backend.outgoing_payments.model import OutgoingPayment
from services.backend.outgoing_payments.repository import joined_columns, payment_of_row
from services.backend.outgoing_payments.tables import outgoing_payments as table
from services.backend.quotes.tables import quotes
from services.backend.tenants.tables import tenants
from services.backend.wallet_addresses.tables import wallet_addresses

_ASSET_PREFIX: Final = "asset_"
_ASSET: Final = tuple(Asset.__dataclass_fields__)
_WRITTEN: Final = (
    "state",
    "error",
    "sent_amount",
    "delivered_amount",
    "attempts",
    "due_at",
    "updated_at",
)
"""What a worker decides of a payment."""
_NOW: Final = bindparam("now", type_=DateTime(timezone=True))
_BACKLOG: Final = prepared(
    select(
        func.count().label("due"),
        func.coalesce(func.extract("epoch", _NOW - func.min(table.c.due_at)), 0).label("late_s"),
    ).where(table.c.due_at <= _NOW, or_(table.c.lease_until.is_(None), table.c.lease_until < _NOW))
)
_FULL: Final = bindparam("full", type_=ARRAY(Uuid))
_DUE: Final = (
    select(table.c.id, table.c.lease_until.label("lease_ended_at"))
    .where(
        table.c.due_at <= _NOW,
        or_(table.c.lease_until.is_(None), table.c.lease_until < _NOW),
        table.c.id != all_(bindparam("except_for", type_=ARRAY(Uuid))),
        table.c.tenant_id != all_(_FULL),
    )
    .order_by(table.c.due_at)
    .limit(bindparam("count", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_CLAIM: Final = prepared(
    update(table)
    .where(
        table.c.id == _DUE.c.id,
        quotes.c.id == table.c.id,
        wallet_addresses.c.id == table.c.wallet_address_id,
        assets.c.id == wallet_addresses.c.asset_id,
        tenants.c.id == table.c.tenant_id,
    )
    .values(
        lease_until=bindparam("until", type_=DateTime(timezone=True)),
        claims=table.c.claims + 1,
        updated_at=_NOW,
    )
    .returning(
        *joined_columns(),
        _DUE.c.lease_ended_at,
        *(assets.c[name].label(f"{_ASSET_PREFIX}{name}") for name in _ASSET),
        tenants.c.deleted_at.is_not(None).label("tenant_deleted"),
    )
)
_HELD: Final = (
    func.unnest(bindparam("ids", type_=ARRAY(Uuid)), bindparam("numbers", type_=ARRAY(Integer)))
    .table_valued(column("id", Uuid), column("claims", Integer), name="held")
    .render_derived()
)
_EXTEND: Final = prepared(
    update(table)
    .where(table.c.id == _HELD.c.id, table.c.claims == _HELD.c.claims)
    .values(lease_until=bindparam("until", type_=DateTime(timezone=True)))
    .returning(table.c.id)
)
_GIVE_BACK: Final = prepared(
    update(table)
    .where(table.c.id == bindparam("payment_id"), table.c.claims == bindparam("claim"))
    .values({name: bindparam(name, type_=table.c[name].type) for name in _WRITTEN})
    .values(lease_until=null())
)
# GREATEST passes over NULL: a payment without a lease is free once it is due.
_NEXT_DUE: Final = prepared(
    select(func.min(func.greatest(table.c.due_at, table.c.lease_until))).where(
        table.c.due_at.is_not(None), table.c.tenant_id != all_(_FULL)
    )
)


class Overtaken(Exception):  # noqa: N818 - it reads as what happened
    """Another process has taken the payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A payment that this worker has taken, with all that paying needs."""

    payment: OutgoingPayment
    asset: Asset
    """The payer's."""
    tenant_deleted: bool = False
    """Whether the payer's tenant was deleted: nothing more is sent then."""
    lease_ended_at: datetime | None
    """When the lease of a process ran out that never gave it back: it died, or hangs."""


async def claim(
    database: Database,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    except_for: Sequence[UUID] = (),
    full: Sequence[UUID] = (),
) -> list[Claimed]:
    """Take due payments for a while, the longest due first; each is taken by one process only.

    Args:
        database: where they are.
        now: what is due by then.
        lease: for how long.
        limit: how many at most.
        except_for: payments that are left alone.
        full: tenants whose payments are left alone.
    """
    values = {
        "now": now,
        "until": now + lease,
        "count": limit,
        "except_for": list(except_for),
        "full": list(full),
    }
    rows = await database.write_one(_CLAIM, values)
    return [
        Claimed(
            payment=payment_of_row(row),
            asset=Asset(**{name: getattr(row, f"{_ASSET_PREFIX}{name}") for name in _ASSET}),
            tenant_deleted=row.tenant_deleted,
            lease_ended_at=row.lease_ended_at,
        )
        for row in rows.all()
    ]


async def extend(database: Database, held: Mapping[UUID, int], until: datetime) -> set[UUID]:
    """Keep payments that were taken; those missing in the result were taken by others since."""
    values = {"ids": list(held), "numbers": list(held.values()), "until": until}
    return set((await database.write_one(_EXTEND, values)).scalars())


def give_back(session: WriteSession, payment: OutgoingPayment) -> None:
    """Write what became of a taken payment, and let others take it.

    If another has taken it since, the transaction fails with Overtaken and writes nothing.
    """
    values: dict[str, Any] = {name: getattr(payment, name) for name in _WRITTEN}
    values |= {"payment_id": payment.id, "claim": payment.claims}
    session.add(_GIVE_BACK, values, rows=1, refused=Overtaken)


async def next_due(session: ReadSession, *, full: Sequence[UUID] = ()) -> datetime | None:
    """When the next payment may be taken, of tenants that are not full."""
    moment: datetime | None = await session.scalar(_NEXT_DUE, {"full": list(full)})
    return moment


async def backlog(database: Database, clock: Clock) -> tuple[float, float]:
    """How many payments are due and not taken, and for how many seconds the first has been due."""
    async with database.read() as session:
        row = (await session.execute(_BACKLOG, {"now": clock.now()})).one()
    return float(row.due), float(row.late_s)
