"""What events of payments told their tenants to withdraw: each tells only what none told before."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.backend.events.model import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawable:
    """Money that an event told of."""

    event_id: UUID
    amount: int
    """In the account's units; never zero."""


def withdrawable(events: Sequence[Event]) -> list[Withdrawable]:
    """The events of one payment that told of money, of events given in the order of their writing.

    An outgoing payment's event has as its `balance` what is new. An incoming payment's has as its
    `receivedAmount` the total so far, of which what is above that of earlier events is new.
    """
    found = []
    received = 0
    for event in events:
        if "balance" in event.data:
            amount = int(event.data["balance"])
        else:
            total = int(event.data.get("receivedAmount", {}).get("value", received))
            amount, received = total - received, max(total, received)
        if amount > 0:
            found.append(Withdrawable(event_id=event.id, amount=amount))
    return found
