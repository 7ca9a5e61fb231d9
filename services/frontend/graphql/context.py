"""What a request's resolvers share: who calls, the services, and the request's own loaders."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from rafiki.admin.v1 import tenant_service_pb2
from servicekit.ids import IdSource

from services.frontend.graphql.loaders import Loaders
from services.frontend.graphql.scope import confine


class AdminContext:
    """Of one request, and dropped with it."""

    def __init__(
        self,
        *,
        caller: tenant_service_pb2.VerifyApiSignatureResponse,
        rpcs: Mapping[str, Any],
        ids: IdSource,
    ) -> None:
        self.caller = caller
        self.loaders = Loaders(self.call)
        self.secrets: dict[str, Any] = {}
        """By tenant, the requests of this document that set them."""
        self._rpcs = rpcs
        self._ids = ids

    async def call(self, rpc: str, request: Message) -> Any:
        """A service's reply to the caller; raises ServiceError."""
        confine(request, self.caller)
        return await self._rpcs[rpc](request)

    def new_key(self) -> str:
        """An idempotency key for a call whose caller gave none."""
        return str(self._ids.uuid())
