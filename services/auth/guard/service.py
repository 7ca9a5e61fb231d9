"""May this public request pass? Decided over the bytes as received, before they are transcoded.

Which path needs which proof is said by the contract (`rafiki.common.v1.edge`):

| proof | client's key | further |
|---|---|---|
| PROOF_CLIENT | of the body's client | body |
| PROOF_CONTINUATION | of the grant's client | continue token; POST: body |
| PROOF_MANAGEMENT | of the grant's client | access token |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ilpkit.httpsig.errors import InvalidKey, KeyNotFound, SignatureRefused
from servicekit.client_keys import ClientKeys, KeyUnavailable
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.edge_contract import Proof
from servicekit.signed_requests import SignatureCheck, SignatureReplayed, SignedRequest

from services.auth.callers import gnap_token
from services.auth.clients.key_source import KeysOfClient
from services.auth.clients.model import Client, requested_client
from services.auth.errors import (
    UnknownGrant,
    UnprovenClient,
    UnprovenContinuation,
    UnusableClient,
)
from services.auth.grants import repository as grants
from services.auth.guard.body import check_no_members, parse_continuation, parse_grant_request
from services.auth.guard.operations import OPERATIONS
from services.auth.tokens import repository as tokens
from services.auth.tokens.model import ROTATION_REPEAT, TOKEN_CHARACTERS_MAX, hash_secret
from services.auth.urls import PublicUrls


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A public request; `target` is its path and query as received, header names lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who was proven to ask, and about which grant; no client where none has to be proven."""

    client: Client | None = None
    grant_id: UUID | None = None


class Guard:
    """Checks public GNAP requests."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        keys: ClientKeys,
        signatures: SignatureCheck,
        urls: PublicUrls,
    ) -> None:
        self._clock = clock
        self._signatures = signatures
        self._database = database
        self._keys = keys
        self._urls = urls

    async def check(self, asked: Asked) -> Verdict:
        """Return if the request may pass.

        Raises:
            InvalidRequest: the body is malformed.
            UnusableClient: the client's key can't be had.
            UnprovenClient, UnprovenContinuation: signature or token do not prove the client.
            UnknownGrant: there is no such path.
        """
        found = OPERATIONS.match(asked.method, asked.target.partition("?")[0])
        if found is None:
            raise UnknownGrant("there is nothing at this path")
        operation, names = found
        match operation.proof:
            case Proof.CLIENT:
                return await self._check_grant(asked)
            case Proof.CONTINUATION:
                return await self._check_continuation(asked, names["id"])
            case Proof.MANAGEMENT:
                return await self._check_token(asked, names["id"], once=operation.once)
            case _:
                raise UnknownGrant("there is nothing at this path")

    async def _check_grant(self, asked: Asked) -> Verdict:
        client = requested_client(parse_grant_request(asked.body))
        await self._check_signature(asked, client)
        return Verdict(client=client)

    async def _check_continuation(self, asked: Asked, continue_id: str) -> Verdict:
        if asked.method == "POST":
            parse_continuation(asked.body)
        token, identifier = _token_of(asked), _uuid(continue_id)
        if token is None or identifier is None:
            raise UnprovenContinuation
        async with self._database.read() as session:
            grant = await grants.find_continuable(session, identifier, hash_secret(token))
        if grant is None:
            raise UnprovenContinuation
        await self._check_signature(asked, grant.client)
        return Verdict(client=grant.client, grant_id=grant.id)

    async def _check_token(self, asked: Asked, management_id: str, *, once: bool) -> Verdict:
        check_no_members(asked.body)
        token, identifier = _token_of(asked), _uuid(management_id)
        grant = None
        if token is not None and identifier is not None:
            async with self._database.read() as session:
                grant = await tokens.find_grant(
                    session,
                    identifier,
                    hash_secret(token),
                    rotated_since=self._clock.now() - ROTATION_REPEAT,
                )
        if grant is None or not grant.live:
            raise UnprovenClient("there is no such token")
        # A rotation that anyone could send again would take the new token from its client.
        await self._check_signature(asked, grant.client, once=once)
        return Verdict(client=grant.client, grant_id=grant.id)

    async def _check_signature(self, asked: Asked, client: Client, *, once: bool = False) -> None:
        signed = SignedRequest(
            method=asked.method,
            target_uri=self._urls.target(asked.target),
            headers=asked.headers,
            body=asked.body,
        )
        keys = KeysOfClient(client, keys=self._keys)
        try:
            await self._signatures.check(signed, keys, once=once)
        except (KeyUnavailable, InvalidKey, KeyNotFound) as unusable:
            raise UnusableClient(str(unusable)) from None
        except (SignatureRefused, SignatureReplayed) as refused:
            raise UnprovenClient(f"Signature validation error: {refused}") from None


def _token_of(asked: Asked) -> str | None:
    token = gnap_token(asked.headers.get("authorization"))
    return None if token is None or len(token) > TOKEN_CHARACTERS_MAX else token


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
