"""The operations that the guard decides about, from the contract."""

from typing import Final

from rafiki.grant.v1 import grant_service_pb2
from servicekit.edge_contract import OperationTable, operations

OPERATIONS: Final = OperationTable(
    operations(grant_service_pb2.DESCRIPTOR.services_by_name["GrantService"])
)
