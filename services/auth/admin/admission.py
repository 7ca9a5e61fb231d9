"""Whose a call about grants is: the tenant that the Admin edge names, for the operator all."""

from uuid import UUID

from google.protobuf.message import Message
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from servicekit.acting_tenant import actor_of, confine
from servicekit.interceptors.requests import Metadata

_OF_TENANTS = (pb.GetGrantRequest, pb.ListGrantsRequest, pb.RevokeGrantRequest)


class Admission:
    """Asked with the message of each call."""

    def __init__(self, *, operator_id: UUID) -> None:
        self._operator_id = str(operator_id)

    async def __call__(self, message: Message, metadata: Metadata) -> None:
        """Keep a tenant's call to the tenant's grants."""
        if not isinstance(message, _OF_TENANTS):
            return
        actor = actor_of(metadata)
        if actor is not None and actor.tenant_id != self._operator_id:
            confine(message, actor.tenant_id)
