"""What events tell of outgoing payments, in the shapes of the TypeScript Rafiki's webhooks.

`client` is always there, null for payments that administrators made; other properties without a
value are left out.
"""

from typing import Any

from ilpkit.openpayments.wire import format_timestamp

from services.backend.assets.model import Asset
from services.backend.events.model import Happening, amount_data
from services.backend.outgoing_payments.model import OutgoingPayment


def told(kind: str, payment: OutgoingPayment, asset: Asset, *, balance: int) -> Happening:
    """`outgoing_payment.<kind>`: created, completed or failed.

    `balance` is what can be withdrawn by reason of this event: what no earlier one told.
    """
    quote = payment.quote
    data: dict[str, Any] = {
        "id": str(payment.id),
        "walletAddressId": str(payment.wallet_address_id),
        "client": payment.client,
        "state": str(payment.state),
        "receiver": quote.receiver,
        "debitAmount": amount_data(quote.debit_amount, asset.unit),
        "receiveAmount": amount_data(quote.receive_amount.value, quote.receive_amount.asset),
        "sentAmount": amount_data(payment.sent_amount, asset.unit),
        "stateAttempts": payment.attempts,
        "createdAt": format_timestamp(payment.created_at),
        "balance": str(balance),
    }
    optional = {
        "metadata": payment.metadata,
        "error": payment.error,
        "grantId": payment.grant_id,
    }
    data |= {name: value for name, value in optional.items() if value is not None}
    return Happening(
        tenant_id=payment.tenant_id,
        type=f"outgoing_payment.{kind}",
        data=data,
        resource_id=payment.id,
    )
