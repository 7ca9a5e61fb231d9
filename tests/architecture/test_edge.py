"""Every REST method says what the public edge asks of it, and nothing else is public."""

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from rafiki.grant.v1 import grant_service_pb2
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    outgoing_payment_service_pb2,
    quote_service_pb2,
    wallet_address_service_pb2,
)
from servicekit.edge_contract import Operation, OperationTable, Proof, operations

from deploy.envoy.routes import PUBLIC_ROUTES, Guard
from services.backend.guard.operations import GUARDED, match

PUBLIC: list[ServiceDescriptor] = [
    service
    for module in (
        incoming_payment_service_pb2,
        outgoing_payment_service_pb2,
        quote_service_pb2,
        wallet_address_service_pb2,
        grant_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]
TENANT = "438fa74a-fa7d-4317-9ced-dde32ece1787"


@pytest.mark.parametrize("operation", operations(*PUBLIC), ids=lambda o: f"{o.verb} {o.method}")
def test_each_public_method_says_who_must_be_proven(operation: Operation) -> None:
    assert operation.proof is not None
    assert (operation.access is not None) == (operation.proof is Proof.TOKEN)
    if operation.access is not None:
        assert operation.access.type in ("incoming-payment", "outgoing-payment", "quote")
        assert operation.access.action in ("create", "read", "list", "complete")


def test_the_guard_decides_about_every_method_that_needs_a_token() -> None:
    needed = {o.method for o in operations(*PUBLIC) if o.proof is Proof.TOKEN}
    assert {operation.method for operation in GUARDED} == needed
    for operation in GUARDED:
        path = operation.template.replace("{tenant_id}", TENANT).replace("{id}", TENANT)
        found = match(operation.verb, path)
        assert found is not None
        assert found.operation is operation
        assert match("PUT", path) is None
        assert match(operation.verb, f"{path}/more/still") is None


def test_each_route_of_a_proven_method_has_its_guard_and_no_other_has_one() -> None:
    guards = {name: route.guard for route in PUBLIC_ROUTES for name in route.to.split(", ")}
    for operation in operations(*PUBLIC):
        expected = None if operation.proof is Proof.NOBODY else Guard.AUTH
        if operation.proof is Proof.TOKEN:
            expected = Guard.BACKEND
        assert guards[operation.method] == expected, operation.method


def test_a_path_is_found_by_its_whole_and_its_verb() -> None:
    table = OperationTable(operations(*PUBLIC))
    found = table.match("POST", "/continue/abc")
    assert found is not None
    assert (found[0].method, found[1]) == ("ContinueGrant", {"id": "abc"})
    assert table.match("POST", "/t/incoming-payments/i/complete/") is not None
    assert table.match("POST", "/t/incoming-payments/i/completed") is None
