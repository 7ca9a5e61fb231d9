"""Which access each Open Payments request needs: method and path to type, action and body."""

import re
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from ilpkit.openpayments.access import AccessType, Action
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.incoming_payment import CREATE_INCOMING_PAYMENT, CreateIncomingPayment
from ilpkit.openpayments.outgoing_payment import (
    CREATE_OUTGOING_PAYMENT,
    CreateOutgoingPayment,
)
from ilpkit.openpayments.quote import CREATE_QUOTE, CreateQuote

Collection = Literal["incoming-payments", "outgoing-payments", "quotes"]
Body = CreateIncomingPayment | CreateOutgoingPayment | CreateQuote
IdentifierFrom = Literal["body", "query", "resource", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table below."""

    access_type: AccessType
    action: Action
    identifier_from: IdentifierFrom
    """Where the wallet address that the token must be for is found."""
    body: BodyKind[Body] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """An operation and the names in its path."""

    operation: Operation
    tenant_id: UUID
    collection: str
    resource_id: UUID | None


_PATH: Final = re.compile(
    r"/(?P<tenant>[^/]+)/(?P<collection>incoming-payments|outgoing-payments|quotes|outgoing-payment-grant)"
    r"(?:/(?P<id>[^/]+)(?P<complete>/complete)?)?/?"
)

_CREATE_BODIES: Final = {
    "incoming-payments": ("incoming-payment", CREATE_INCOMING_PAYMENT),
    "outgoing-payments": ("outgoing-payment", CREATE_OUTGOING_PAYMENT),
    "quotes": ("quote", CREATE_QUOTE),
}


def _table() -> dict[tuple[str, str, str], Operation]:
    """(method, collection, depth) to operation; depth is collection, item or complete."""
    table: dict[tuple[str, str, str], Operation] = {}
    for collection, (access_type, body) in _CREATE_BODIES.items():
        table["POST", collection, "collection"] = Operation(
            access_type=access_type,  # type: ignore[arg-type] # the three literals above
            action="create",
            identifier_from="body",
            body=body,  # type: ignore[arg-type] # BodyKind is invariant; each is one of Body
        )
        table["GET", collection, "item"] = Operation(
            access_type=access_type,  # type: ignore[arg-type] # the three literals above
            action="read",
            identifier_from="resource",
        )
    for collection, access_type in (
        ("incoming-payments", "incoming-payment"),
        ("outgoing-payments", "outgoing-payment"),
    ):
        table["GET", collection, "collection"] = Operation(
            access_type=access_type,  # type: ignore[arg-type] # the two literals above
            action="list",
            identifier_from="query",
        )
    table["POST", "incoming-payments", "complete"] = Operation(
        access_type="incoming-payment", action="complete", identifier_from="resource"
    )
    table["GET", "outgoing-payment-grant", "collection"] = Operation(
        access_type="outgoing-payment", action="create", identifier_from="nothing"
    )
    return table


OPERATIONS: Final = _table()


def match(method: str, path: str) -> Matched | None:
    """The operation of a request, or None when there is none."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    depth = "complete" if found["complete"] else "item" if found["id"] else "collection"
    operation = OPERATIONS.get((method, found["collection"], depth))
    if operation is None:
        return None
    tenant_id = _uuid(found["tenant"])
    if tenant_id is None:
        return None
    return Matched(
        operation=operation,
        tenant_id=tenant_id,
        collection=found["collection"],
        resource_id=_uuid(found["id"]) if found["id"] else None,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
