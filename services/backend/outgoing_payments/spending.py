"""What has been spent under a grant: reserved in the payment's own transaction, in O(1).

One row a grant and interval holds the totals. It is locked while a payment is checked against the
limits and added, so that two payments at once can't both take the last of a limit. A grant may pay
receivers of several currencies: what was received is counted in that of its first payment, and a
limit on it allows no other.
"""

from datetime import UTC, datetime
from typing import Any, Final

from ilpkit.errors import PolicyRefusal
from ilpkit.money import Amount, Asset
from ilpkit.openpayments.access import Limits
from ilpkit.openpayments.limits import (
    ProposedPayment,
    SpentTotals,
    check_spending,
    current_window,
)
from servicekit.database import ReadSession, WriteSession
from servicekit.statements import prepared
from sqlalchemy import Row, and_, bindparam, case, select, update
from sqlalchemy.dialects.postgresql import insert

from services.backend.outgoing_payments.errors import limit_exceeded
from services.backend.outgoing_payments.model import OutgoingPayment, SpentAmounts
from services.backend.outgoing_payments.tables import grant_spending as table

WHOLE_LIFE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The interval start of a grant without intervals."""
_COUNTS_RECEIVE: Final = and_(
    table.c.receive_asset_code == bindparam("code"),
    table.c.receive_asset_scale == bindparam("scale"),
)
_RELEASE: Final = prepared(
    update(table)
    .where(table.c.grant_id == bindparam("grant"), table.c.interval_start == bindparam("start"))
    .values(
        debit_spent=table.c.debit_spent - bindparam("debit"),
        receive_spent=case(
            (_COUNTS_RECEIVE, table.c.receive_spent - bindparam("receive")),
            else_=table.c.receive_spent,
        ),
    )
)

_FRESH: Final = insert(table)
_RESERVE: Final = prepared(
    _FRESH.on_conflict_do_update(
        index_elements=[table.c.grant_id, table.c.interval_start],
        set_={
            "debit_spent": table.c.debit_spent + _FRESH.excluded.debit_spent,
            "receive_spent": case(
                (
                    and_(
                        table.c.receive_asset_code == _FRESH.excluded.receive_asset_code,
                        table.c.receive_asset_scale == _FRESH.excluded.receive_asset_scale,
                    ),
                    table.c.receive_spent + _FRESH.excluded.receive_spent,
                ),
                else_=table.c.receive_spent,
            ),
        },
    ).returning(*table.c),
    columns=[column.name for column in table.c],
)


async def reserve(
    session: WriteSession,
    *,
    grant_id: str,
    limits: Limits | None,
    payment: ProposedPayment,
    now: datetime,
) -> tuple[datetime, SpentAmounts]:
    """Count a payment against its grant; raises PermissionDenied when the limits leave too little.

    Returns the interval that it counts in, and what had been spent before it.
    """
    try:
        window = None if limits is None else current_window(limits, now)
    except PolicyRefusal as refused:
        raise limit_exceeded(str(refused)) from None
    start = WHOLE_LIFE if window is None else window.start
    row = await _reserved_row(session, grant_id, start, payment)
    debit, receive = payment.debit_amount, payment.receive_amount
    if (row.debit_asset_code, row.debit_asset_scale) != (debit.asset.code, debit.asset.scale):
        raise limit_exceeded("payments under one grant must all be debited in the same asset")
    counted = Asset(row.receive_asset_code, row.receive_asset_scale)
    received = row.receive_spent - (receive.value if counted == receive.asset else 0)
    spent = SpentTotals(
        debit=row.debit_spent - debit.value,
        receive=received if counted == receive.asset else 0,
    )
    if limits is not None:
        try:
            check_spending(limits, payment=payment, spent=spent)
        except PolicyRefusal as refused:
            raise limit_exceeded(str(refused)) from None
    before = SpentAmounts(debit=Amount(spent.debit, debit.asset), receive=Amount(received, counted))
    return start, before


async def release(
    session: WriteSession, payment: OutgoingPayment, *, debit: int, receive: Amount
) -> None:
    """Free of a payment's grant, if it has one, what it reserved but did not spend."""
    if payment.grant_id is None or payment.grant_interval_start is None:
        return
    values = {
        "grant": payment.grant_id,
        "start": payment.grant_interval_start,
        "debit": debit,
        "receive": receive.value,
        "code": receive.asset.code,
        "scale": receive.asset.scale,
    }
    session.add(_RELEASE, values)


async def release_all(session: WriteSession, payment: OutgoingPayment) -> None:
    """As `release`, for a payment that spent nothing."""
    quote = payment.quote
    await release(session, payment, debit=quote.debit_amount, receive=quote.receive_amount)


async def spent(
    session: ReadSession, *, grant_id: str, limits: Limits | None, now: datetime
) -> SpentAmounts | None:
    """The totals of the current interval, zero in a fresh one; None for a grant never used."""
    query = select(table).where(table.c.grant_id == grant_id)
    newest = query.order_by(table.c.interval_start.desc()).limit(1)
    row = (await session.execute(newest)).one_or_none()
    if row is None:
        return None
    try:
        window = None if limits is None else current_window(limits, now)
    except PolicyRefusal:
        return None
    start = WHOLE_LIFE if window is None else window.start
    fresh = row.interval_start != start
    return SpentAmounts(
        debit=Amount(
            0 if fresh else row.debit_spent, Asset(row.debit_asset_code, row.debit_asset_scale)
        ),
        receive=Amount(
            0 if fresh else row.receive_spent,
            Asset(row.receive_asset_code, row.receive_asset_scale),
        ),
    )


async def _reserved_row(
    session: WriteSession, grant_id: str, start: datetime, payment: ProposedPayment
) -> Row[Any]:
    """The totals with the payment in them; they are locked until the transaction ends."""
    debit, receive = payment.debit_amount, payment.receive_amount
    values = {
        "grant_id": grant_id,
        "interval_start": start,
        "debit_asset_code": debit.asset.code,
        "debit_asset_scale": debit.asset.scale,
        "receive_asset_code": receive.asset.code,
        "receive_asset_scale": receive.asset.scale,
        "debit_spent": debit.value,
        "receive_spent": receive.value,
    }
    return (await session.execute(_RESERVE, values)).one()
