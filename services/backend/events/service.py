"""Writes events in the transaction of what happened, with a delivery to each recipient."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ilpkit.money import Asset as Unit
from ilpkit.openpayments.wire import format_timestamp
from servicekit.clock import Clock
from servicekit.database import WriteSession
from servicekit.ids import IdSource
from servicekit.outbox import NewDelivery, Outbox

from services.backend.assets.model import Asset
from services.backend.events import repository
from services.backend.events.model import NewEvent
from services.backend.incoming_payments.model import IncomingPayment, State
from services.backend.outgoing_payments.model import OutgoingPayment


class WebhookLimits(Protocol):
    """What a tenant allows."""

    def attempts_max(self, tenant_id: UUID) -> int:
        """Attempts after which a delivery is parked."""
        ...


class EventWriter:
    """One method an event family; the shapes are those of the TypeScript Rafiki's webhooks.

    `client` is always there, null for payments that administrators made; other properties without a
    value are left out.
    """

    def __init__(
        self, *, outbox: Outbox, limits: WebhookLimits, clock: Clock, ids: IdSource
    ) -> None:
        self._outbox = outbox
        self._limits = limits
        self._clock = clock
        self._ids = ids

    async def incoming_payment(
        self,
        session: WriteSession,
        kind: str,
        payment: IncomingPayment,
        asset: Asset,
        *,
        received: int,
    ) -> None:
        """`incoming_payment.<kind>`: created, completed or expired."""
        await self._write(session, [self._incoming(kind, payment, asset, received)])

    async def incoming_payments_ended(
        self, session: WriteSession, ended: Sequence[tuple[IncomingPayment, Asset]]
    ) -> None:
        """As above for payments that end together, but those that expired with nothing received."""
        await self._write(
            session,
            [
                self._incoming(
                    "completed" if payment.state is State.COMPLETED else "expired",
                    payment,
                    asset,
                    payment.received_amount or 0,
                )
                for payment, asset in ended
                if payment.state is State.COMPLETED or payment.received_amount
            ],
        )

    async def outgoing_payment(
        self,
        session: WriteSession,
        kind: str,
        payment: OutgoingPayment,
        asset: Asset,
        *,
        balance: int,
    ) -> None:
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
            "debitAmount": _amount(quote.debit_amount, asset.unit),
            "receiveAmount": _amount(quote.receive_amount.value, quote.receive_amount.asset),
            "sentAmount": _amount(payment.sent_amount, asset.unit),
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
        event = NewEvent(
            id=self._ids.uuid(),
            tenant_id=payment.tenant_id,
            type=f"outgoing_payment.{kind}",
            data=data,
            resource_id=payment.id,
        )
        await self._write(session, [event])

    def _incoming(
        self, kind: str, payment: IncomingPayment, asset: Asset, received: int
    ) -> NewEvent:
        data: dict[str, Any] = {
            "id": str(payment.id),
            "walletAddressId": str(payment.wallet_address_id),
            "client": payment.client,
            "createdAt": format_timestamp(payment.created_at),
            "expiresAt": format_timestamp(payment.expires_at),
            "receivedAmount": _amount(received, asset.unit),
            "completed": payment.state is State.COMPLETED,
        }
        expected = payment.incoming_amount
        optional = {
            "incomingAmount": None if expected is None else _amount(expected, asset.unit),
            "metadata": payment.metadata,
            "approvedAt": _moment(payment.approved_at),
            "cancelledAt": _moment(payment.cancelled_at),
        }
        data |= {name: value for name, value in optional.items() if value is not None}
        return NewEvent(
            id=self._ids.uuid(),
            tenant_id=payment.tenant_id,
            type=f"incoming_payment.{kind}",
            data=data,
            resource_id=payment.id,
        )

    async def _write(self, session: WriteSession, events: Sequence[NewEvent]) -> None:
        if not events:
            return
        repository.add(session, events, created_at=self._clock.now())
        await self._outbox.add(
            session,
            [
                NewDelivery(
                    lane=str(event.tenant_id),
                    ordering_key=str(event.resource_id),
                    payload={"id": str(event.id), "type": event.type, "data": event.data},
                    attempts_max=self._limits.attempts_max(event.tenant_id),
                )
                for event in events
            ],
        )


def _moment(value: datetime | None) -> str | None:
    return None if value is None else format_timestamp(value)


def _amount(value: int, unit: Unit) -> dict[str, Any]:
    return {"value": str(value), "assetCode": unit.code, "assetScale": unit.scale}
