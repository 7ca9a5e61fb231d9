"""May this public request pass? Decided over the bytes as received, before they are transcoded.

Which path needs which proof is said by the contract (`rafiki.common.v1.edge`):

| proof | client's key | further |
|---|---|---|
| PROOF_CLIENT | of the body's client | body |
| PROOF_CONTINUATION | of the grant's client | continue token; POST: body |
| PROOF_MANAGEMENT | of the grant's client | access token |
"""

from uuid import UUID

from ilpkit.gnap.client import Client, client_name
from ilpkit.httpsig.errors import InvalidKey, KeyNotFound, SignatureRefused
from servicekit.client_keys import ClientKeys
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.edge_contract import Proof
from servicekit.guarded_requests import GuardedRequest
from servicekit.key_sets import KeyUnavailable
from servicekit.signed_requests import SignatureCheck, SignatureReplayed
from servicekit.verdict import Verdict

from services.auth.clients.model import requested_client
from services.auth.gnap.errors import (
    UnknownGrant,
    UnprovenClient,
    UnprovenContinuation,
    UnusableClient,
)
from services.auth.grants import repository as grants
from services.auth.guard.body import check_no_members, parse_continuation, parse_grant_request
from services.auth.guard.operations import OPERATIONS
from services.auth.secrets.model import hash_secret
from services.auth.tokens import repository as tokens
from services.auth.tokens.model import TOKEN_CHARACTERS_MAX


class Guard:
    """Checks public GNAP requests."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        keys: ClientKeys,
        signatures: SignatureCheck,
    ) -> None:
        self._clock = clock
        self._signatures = signatures
        self._database = database
        self._keys = keys

    async def check(self, request: GuardedRequest) -> Verdict:
        """Return if the request may pass.

        Raises:
            InvalidRequest: the body is malformed.
            UnusableClient: the client's key can't be had.
            UnprovenClient, UnprovenContinuation: signature or token do not prove the client.
            UnknownGrant: there is no such path.
        """
        found = OPERATIONS.match(request.method, request.path)
        if found is None:
            raise UnknownGrant("there is nothing at this path")
        operation, names = found
        match operation.proof:
            case Proof.CLIENT:
                return await self._check_grant(request)
            case Proof.CONTINUATION:
                return await self._check_continuation(request, names["id"])
            case Proof.MANAGEMENT:
                return await self._check_token(request, names["id"], once=operation.once)
            case _:
                raise UnknownGrant("there is nothing at this path")

    async def _check_grant(self, request: GuardedRequest) -> Verdict:
        client = requested_client(parse_grant_request(request.body))
        await self._check_signature(request, client)
        return Verdict(client=client_name(client))

    async def _check_continuation(self, request: GuardedRequest, continue_id: str) -> Verdict:
        if request.method == "POST":
            parse_continuation(request.body)
        token, identifier = _token_of(request), _uuid(continue_id)
        if token is None or identifier is None:
            raise UnprovenContinuation
        async with self._database.read() as session:
            grant = await grants.find_continuable(session, identifier, hash_secret(token))
        if grant is None:
            raise UnprovenContinuation
        await self._check_signature(request, grant.client)
        return Verdict(client=client_name(grant.client), grant_id=str(grant.id))

    async def _check_token(
        self, request: GuardedRequest, management_id: str, *, once: bool
    ) -> Verdict:
        check_no_members(request.body)
        token, identifier = _token_of(request), _uuid(management_id)
        found = None
        if token is not None and identifier is not None:
            async with self._database.read() as session:
                found = await tokens.find_managed(session, identifier, hash_secret(token))
        if found is None or not found.proves(self._clock.now()):
            raise UnprovenClient("there is no such token")
        grant = found.grant
        # A rotation that anyone could send again would take the new token from its client.
        await self._check_signature(request, grant.client, once=once)
        return Verdict(client=client_name(grant.client), grant_id=str(grant.id))

    async def _check_signature(
        self, request: GuardedRequest, client: Client, *, once: bool = False
    ) -> None:
        try:
            await self._signatures.check(request, self._keys.of(client), once=once)
        except (KeyUnavailable, InvalidKey, KeyNotFound) as unusable:
            raise UnusableClient(str(unusable)) from None
        except (SignatureRefused, SignatureReplayed) as refused:
            raise UnprovenClient(f"Signature validation error: {refused}") from None


def _token_of(request: GuardedRequest) -> str | None:
    token = request.token
    return None if token is None or len(token) > TOKEN_CHARACTERS_MAX else token


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
