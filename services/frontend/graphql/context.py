"""What a request's resolvers share: who calls, the services, and the request's own loaders."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from google.protobuf.message import Message
from rafiki.admin.v1 import tenant_service_pb2
from servicekit.acting_tenant import LIQUIDITY_LEFT_OUT, Actor
from servicekit.errors import Unauthenticated
from servicekit.ids import IdSource

from services.frontend.graphql.loaders import Loaders

SIGNATURE_INVALID: Final = "SIGNATURE_INVALID"


class AdminContext:
    """Of one request, and dropped with it.

    The services decide what the caller may do. Where the caller's signature was not checked
    before, the first call carries it.
    """

    def __init__(
        self,
        *,
        actor: Actor,
        caller: tenant_service_pb2.VerifyApiSignatureResponse | None,
        rpcs: Mapping[str, Any],
        ids: IdSource,
        ending: Callable[[], bool],
    ) -> None:
        self.tenant_id = actor.tenant_id
        self.caller = caller
        """Who signed the request; None where only a call can tell."""
        self.loaders = Loaders(self.call)
        self.secrets: dict[str, Any] = {}
        """By tenant, the requests of this document that set them."""
        self.refused = False
        """Whether the signature that a call carried was none."""
        self.asks_liquidity = True
        """Whether the document may name it; else replies come without, and no ledger is asked."""
        self.ending = ending
        """Whether the process is about to end, and what runs without end with it."""
        self._actor = actor
        self._rpcs = rpcs
        self._ids = ids

    @property
    def unchecked(self) -> bool:
        """Whether the signature is still to be checked."""
        return self._actor.signature is not None

    async def call(self, rpc: str, request: Message) -> Any:
        """A service's reply to the caller; raises ServiceError."""
        actor, carries = self._actor, self.unchecked
        self._actor = replace(actor, signature=None)
        try:
            metadata = actor.metadata()
            if not self.asks_liquidity:
                metadata = (*metadata, LIQUIDITY_LEFT_OUT)
            return await self._rpcs[rpc](request, metadata=metadata)
        except Unauthenticated as error:
            self.refused = carries and error.reason == SIGNATURE_INVALID
            raise

    def look_again(self) -> None:
        """Forget what was looked up, for a document that runs on."""
        self.loaders = Loaders(self.call)

    def new_key(self) -> str:
        """An idempotency key for a call whose caller gave none."""
        return str(self._ids.uuid())
