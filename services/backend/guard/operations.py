"""The operations that the guard decides about, from the contracts, with the bodies they take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

from ilpkit.openpayments.access import AccessType, Action
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.incoming_payment import CREATE_INCOMING_PAYMENT, CreateIncomingPayment
from ilpkit.openpayments.outgoing_payment import (
    CREATE_OUTGOING_PAYMENT,
    CreateOutgoingPayment,
)
from ilpkit.openpayments.quote import CREATE_QUOTE, CreateQuote
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    outgoing_payment_service_pb2,
    quote_service_pb2,
)
from servicekit.edge_contract import IdentifierFrom, Operation, OperationTable, Proof, operations

Body = CreateIncomingPayment | CreateOutgoingPayment | CreateQuote

GUARDED: Final = [
    operation
    for operation in operations(
        incoming_payment_service_pb2.DESCRIPTOR.services_by_name["IncomingPaymentService"],
        quote_service_pb2.DESCRIPTOR.services_by_name["QuoteService"],
        outgoing_payment_service_pb2.DESCRIPTOR.services_by_name["OutgoingPaymentService"],
    )
    if operation.proof is Proof.TOKEN
]
_TABLE: Final = OperationTable(GUARDED)
_BODIES: Final[Mapping[str, BodyKind[Body]]] = cast(
    "Mapping[str, BodyKind[Body]]",
    {
        "incoming-payment": CREATE_INCOMING_PAYMENT,
        "outgoing-payment": CREATE_OUTGOING_PAYMENT,
        "quote": CREATE_QUOTE,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """An operation and the names in its path."""

    operation: Operation
    access_type: AccessType
    """The type of access that the token must give."""
    action: Action
    """The action that the token must give."""
    identifier_from: IdentifierFrom
    body: BodyKind[Body] | None
    """What the body must be; None when none is read here."""
    tenant_id: UUID
    resource_id: UUID | None


def match(method: str, path: str) -> Matched | None:
    """The operation of a request, or None when there is none; a tenant that is no UUID has none."""
    found = _TABLE.match(method, path)
    if found is None:
        return None
    operation, names = found
    tenant_id = _uuid(names["tenant_id"])
    if tenant_id is None:
        return None
    access = operation.access
    assert access is not None, "a method that needs a token says which access"
    in_body = access.identifier_from is IdentifierFrom.BODY
    return Matched(
        operation=operation,
        access_type=cast("AccessType", access.type),
        action=cast("Action", access.action),
        identifier_from=access.identifier_from,
        body=_BODIES[access.type] if in_body else None,
        tenant_id=tenant_id,
        resource_id=_uuid(names["id"]) if "id" in names else None,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
