"""SQL for quotes."""

from typing import Any
from uuid import UUID

from ilpkit.money import Amount, Asset, Ratio
from servicekit.database import ReadSession, WriteSession
from sqlalchemy import Row, insert, select

from services.backend.quotes.model import Method, Quote
from services.backend.quotes.tables import quotes


async def add(session: WriteSession, quote: Quote) -> None:
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
    }
    await session.execute(insert(quotes).values(values))


async def get(session: ReadSession, quote_id: UUID, tenant_id: UUID | None = None) -> Quote | None:
    """One quote of a tenant; None as the tenant means any."""
    query = select(quotes).where(quotes.c.id == quote_id)
    if tenant_id is not None:
        query = query.where(quotes.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else quote_of_row(row)


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
    )
