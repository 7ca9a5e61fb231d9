"""What events tell of incoming payments, in the shapes of the TypeScript Rafiki's webhooks.

`client` is always there, null for payments that administrators made; other properties without a
value are left out.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ilpkit.openpayments.wire import format_timestamp

from services.backend.assets.model import Asset
from services.backend.events.model import Happening, amount_data
from services.backend.incoming_payments.model import IncomingPayment, State


def told(kind: str, payment: IncomingPayment, asset: Asset, *, received: int) -> Happening:
    """`incoming_payment.<kind>`: created, completed or expired."""
    data: dict[str, Any] = {
        "id": str(payment.id),
        "walletAddressId": str(payment.wallet_address_id),
        "client": payment.client,
        "createdAt": format_timestamp(payment.created_at),
        "expiresAt": format_timestamp(payment.expires_at),
        "receivedAmount": amount_data(received, asset.unit),
        "completed": payment.state is State.COMPLETED,
    }
    expected = payment.incoming_amount
    optional = {
        "incomingAmount": None if expected is None else amount_data(expected, asset.unit),
        "metadata": payment.metadata,
        "approvedAt": _moment(payment.approved_at),
        "cancelledAt": _moment(payment.cancelled_at),
    }
    data |= {name: value for name, value in optional.items() if value is not None}
    return Happening(
        tenant_id=payment.tenant_id,
        type=f"incoming_payment.{kind}",
        data=data,
        resource_id=payment.id,
    )


def ends_told(ended: Iterable[tuple[IncomingPayment, Asset]]) -> list[Happening]:
    """The ends of payments, but of those that expired with nothing received."""
    return [
        told(
            "completed" if payment.state is State.COMPLETED else "expired",
            payment,
            asset,
            received=payment.received_amount or 0,
        )
        for payment, asset in ended
        if payment.state is State.COMPLETED or payment.received_amount
    ]


def _moment(value: datetime | None) -> str | None:
    return None if value is None else format_timestamp(value)
