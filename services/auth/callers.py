"""Who calls an RPC: a REST client that the guard has proven, or a native caller.

REST calls carry the guard's verdict in `x-rafiki-*` metadata, which Envoy strips from whatever
comes from outside. Native gRPC is on the operator's private listener only and needs no proof.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from servicekit.rest import REST_MODE_KEY, Context

from services.auth.clients.model import Client, client_from_json, client_to_json
from services.auth.errors import UnprovenClient

CLIENT_KEY: Final = "x-rafiki-client"
GRANT_KEY: Final = "x-rafiki-grant"
IDEMPOTENCY_KEY: Final = "idempotency-key"
_SCHEME: Final = "GNAP "


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One call's origin."""

    rest: bool
    metadata: Mapping[str, str]

    @property
    def idempotency_key(self) -> str | None:
        """The REST header of that name."""
        return self.metadata.get(IDEMPOTENCY_KEY)

    def client(self) -> Client | None:
        """The client that the guard has proven; None for a native caller.

        Raises UnprovenClient for a REST call without a verdict.
        """
        if not self.rest:
            return None
        try:
            return client_from_json(
                json.loads(base64.b64decode(self.metadata[CLIENT_KEY], validate=True))
            )
        except (KeyError, ValueError, binascii.Error):
            raise UnprovenClient("the request's signature was not checked") from None

    def grant_id(self) -> UUID | None:
        """The grant that the guard found; None for a native caller.

        Raises UnprovenClient for a REST call without a verdict.
        """
        if not self.rest:
            return None
        try:
            return UUID(self.metadata[GRANT_KEY])
        except (KeyError, ValueError):
            raise UnprovenClient("the request's signature was not checked") from None

    def token(self, native: str | None) -> str:
        """The continue or access token: the Authorization header's, or a native caller's field.

        Raises UnprovenClient if there is none.
        """
        value = gnap_token(self.metadata.get("authorization")) if self.rest else native
        if not value:
            raise UnprovenClient("a GNAP token is needed")
        return value


def caller_of(context: Context) -> Caller:
    """The caller of an RPC."""
    metadata = {
        key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
    }
    return Caller(rest=REST_MODE_KEY in metadata, metadata=metadata)


def gnap_token(authorization: str | None) -> str | None:
    """The token in an Authorization header (RFC 9635 section 7.2); None if there is none."""
    if authorization is None or not authorization.startswith(_SCHEME):
        return None
    token = authorization.removeprefix(_SCHEME)
    return token if token and token.isascii() and " " not in token else None


def verdict_headers(*, client: Client, grant_id: UUID | None) -> list[tuple[str, str]]:
    """The guard's verdict, as the headers that `Caller` reads."""
    encoded = base64.b64encode(json.dumps(client_to_json(client)).encode()).decode()
    headers = [(CLIENT_KEY, encoded)]
    if grant_id is not None:
        headers.append((GRANT_KEY, str(grant_id)))
    return headers
