"""SQL for quotes."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ilpkit.money import Amount, Asset, Ratio
from servicekit.database import ReadSession, WriteSession
from servicekit.statements import prepared
from sqlalchemy import Row, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.backend.quotes.model import Method, Quote
from services.backend.quotes.tables import path_limits, quotes

_ADD: Final = prepared(insert(quotes), columns=[column.name for column in quotes.c])


def add(session: WriteSession, quote: Quote) -> None:
    """Insert a quote."""
    values = {
        "id": quote.id,
        "tenant_id": quote.tenant_id,
        "wallet_address_id": quote.wallet_address_id,
        "client": quote.client,
        "receiver": quote.receiver,
        "method": quote.method,
        "debit_amount": quote.debit_amount,
        "receive_amount": quote.receive_amount.value,
        "receive_asset_code": quote.receive_amount.asset.code,
        "receive_asset_scale": quote.receive_amount.asset.scale,
        "source_amount": quote.source_amount,
        "fee_amount": quote.fee_amount,
        "fee_id": quote.fee_id,
        "min_rate_numerator": quote.min_rate.numerator,
        "min_rate_denominator": quote.min_rate.denominator,
        "max_packet_amount": quote.max_packet_amount,
        "received_before": quote.received_before,
        "expires_at": quote.expires_at,
        "created_at": quote.created_at,
        "sealed_receiver": quote.sealed_receiver,
    }
    session.add(_ADD, values)


async def get(session: ReadSession, quote_id: UUID, tenant_id: UUID | None = None) -> Quote | None:
    """One quote of a tenant; None as the tenant means any."""
    query = select(quotes).where(quotes.c.id == quote_id)
    if tenant_id is not None:
        query = query.where(quotes.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else quote_of_row(row)


async def path_limit(
    session: ReadSession, *, peer_id: UUID, asset_id: UUID, since: datetime
) -> int | None:
    """The largest packet of an asset that passed a peer, if that was learned after `since`."""
    query = select(path_limits.c.amount).where(
        path_limits.c.peer_id == peer_id,
        path_limits.c.asset_id == asset_id,
        path_limits.c.learned_at > since,
    )
    return (await session.execute(query)).scalar_one_or_none()


async def keep_path_limit(
    session: WriteSession, *, peer_id: UUID, asset_id: UUID, amount: int, now: datetime
) -> None:
    """Keep what a payment learned in place of what an earlier one did."""
    news = {"amount": amount, "learned_at": now}
    statement = upsert(path_limits).values(peer_id=peer_id, asset_id=asset_id, **news)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["peer_id", "asset_id"], set_=news)
    )


def quote_of_row(row: Row[Any]) -> Quote:
    """A quote from its columns."""
    return Quote(
        id=row.id,
        tenant_id=row.tenant_id,
        wallet_address_id=row.wallet_address_id,
        client=row.client,
        receiver=row.receiver,
        method=Method(row.method),
        debit_amount=row.debit_amount,
        receive_amount=Amount(
            row.receive_amount, Asset(row.receive_asset_code, row.receive_asset_scale)
        ),
        source_amount=row.source_amount,
        fee_amount=row.fee_amount,
        fee_id=row.fee_id,
        min_rate=Ratio(row.min_rate_numerator, row.min_rate_denominator),
        max_packet_amount=row.max_packet_amount,
        received_before=row.received_before,
        expires_at=row.expires_at,
        created_at=row.created_at,
        sealed_receiver=row.sealed_receiver,
    )
