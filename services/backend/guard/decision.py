"""May this request pass? Everything about that question, before the transcoder sees the request.

Envoy asks with the raw body (HTTP ext_authz). The answer is 200 with the verdict in headers, or
the refusal that the client gets. Order: shape of the request, access token, signature; what is
cheap and says most to a client comes first.
"""

from typing import Final
from urllib.parse import parse_qs

from ilpkit.errors import ProtocolError
from ilpkit.httpsig.errors import SignatureRefused
from ilpkit.openpayments.access import AskedAccess, OutgoingPaymentAccess, QuoteAccess
from ilpkit.openpayments.bodies import validate_body
from ilpkit.openpayments.errors import InvalidValue
from servicekit.client_keys import ClientKeys
from servicekit.edge_contract import IdentifierFrom
from servicekit.guarded_requests import GuardedRequest, guarded_request
from servicekit.http_messages import Request, Response
from servicekit.key_sets import KeyUnavailable
from servicekit.signed_requests import SignatureCheck, SignatureReplayed
from servicekit.verdict import Verdict
from token_introspection import (
    ActiveToken,
    InactiveToken,
    IntrospectionFailed,
    Introspector,
    client_name,
)

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory
from services.backend.guard.errors import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refused,
)
from services.backend.guard.operations import Matched, match
from services.backend.guard.resources import Resources

SIGNATURE_BASE_CHARS_MAX: Final = 1000


class Guard:
    """Decides about Open Payments requests."""

    def __init__(
        self,
        *,
        directory: Directory,
        wallet_addresses: WalletAddresses,
        resources: Resources,
        introspection: Introspector,
        remembered: Introspector,
        keys: ClientKeys,
        signatures: SignatureCheck,
        grant_endpoint: str,
    ) -> None:
        self._directory = directory
        self._wallet_addresses = wallet_addresses
        self._resources = resources
        self._introspection = introspection
        self._remembered = remembered
        self._keys = keys
        self._signatures = signatures
        self._grant_endpoint = grant_endpoint

    async def check(self, asked: Request) -> Response:
        """Answer Envoy's question about one request."""
        request = guarded_request(asked)
        try:
            verdict = await self._decide(request)
        except Refused as refused:
            return refused.response(grant_endpoint=self._tenants_grant_endpoint(request.path))
        return Response(200, [verdict.header()])

    def _tenants_grant_endpoint(self, path: str) -> str:
        """Where the path's tenant grants: what its wallet addresses call their authServer."""
        return f"{self._grant_endpoint}/{path.lstrip('/').partition('/')[0]}"

    async def _decide(self, request: GuardedRequest) -> Verdict:
        matched = match(request.method, request.path)
        if matched is None:
            raise Refused(NOT_FOUND, f"there is no {request.method} {request.path}")
        await self._directory.be_current()
        identifier = await self._identifier(matched, request)
        if request.token is None:
            raise Refused(
                UNAUTHORIZED, "Missing or invalid authorization header: use `GNAP <token>`"
            )
        active = await self._introspect(request.token, matched, identifier)
        await self._check_tenant(active, matched, identifier)
        await self._check_signature(request, active, matched)
        return _verdict(active, matched)

    async def _identifier(self, matched: Matched, request: GuardedRequest) -> str | None:
        if matched.body is not None:
            try:
                return str(validate_body(matched.body, request.body).wallet_address)
            except InvalidValue as invalid:
                details = {"field": invalid.field, "limit": invalid.limit, "remedy": invalid.remedy}
                raise Refused(BAD_REQUEST, str(invalid), details) from None
        if matched.identifier_from is IdentifierFrom.QUERY:
            values = parse_qs(request.query).get("wallet-address", [])
            if len(values) != 1:
                raise Refused(
                    BAD_REQUEST,
                    "wallet-address must be given once, as a URL-encoded wallet address",
                    {"field": "wallet-address"},
                )
            return values[0]
        in_resource = matched.identifier_from is IdentifierFrom.RESOURCE
        if in_resource and matched.resource_id is not None:
            return await self._resources.wallet_address_of(
                matched.tenant_id, matched.access_type, matched.resource_id
            )
        return None

    async def _introspect(
        self, token: str, matched: Matched, identifier: str | None
    ) -> ActiveToken:
        asked = AskedAccess(
            type=matched.access_type,
            actions=frozenset({matched.action}),
            # Quotes have no identifier in a grant, so none is asked for.
            identifier=None if matched.access_type == "quote" else identifier,
        )
        # What can't be taken back is never decided on an answer of some seconds ago.
        introspection = self._introspection if matched.operation.once else self._remembered
        try:
            result = await introspection.introspect(token, [asked])
        except IntrospectionFailed as failed:
            if failed.retriable:
                raise Refused(UNAVAILABLE, "the authorization server does not answer") from None
            raise Refused(UNAUTHORIZED, "Invalid Token") from None
        if isinstance(result, InactiveToken):
            raise Refused(FORBIDDEN, "Inactive Token")
        if not result.access:
            raise _insufficient(matched)
        return result

    async def _check_tenant(
        self, active: ActiveToken, matched: Matched, identifier: str | None
    ) -> None:
        """Raise Refused unless path, token and wallet address are of one tenant.

        The token's tenant is the authorization server's word, and one of another make does not give
        it. Whose the wallet address is, we know: the request's, or else the grant's.
        """
        if active.tenant_id not in (None, str(matched.tenant_id)):
            raise _insufficient(matched)
        item = active.access[0]
        granted = None if isinstance(item, QuoteAccess) else item.identifier
        named = identifier or granted
        if await self._directory.find_tenant(matched.tenant_id) is None:
            raise Refused(NOT_FOUND, "there is no such tenant")
        if named is None:
            return
        # What is nobody's is let through: the service answers that it is unknown.
        found = await self._wallet_addresses.by_url(named)
        if found is not None and found.tenant_id != matched.tenant_id:
            raise _insufficient(matched)

    async def _check_signature(
        self, request: GuardedRequest, active: ActiveToken, matched: Matched
    ) -> None:
        """Raise Refused unless the token's client signed this request."""
        once = matched.operation.once
        try:
            await self._signatures.check(request, self._keys.of(active.client), once=once)
        except ProtocolError as refused:
            raise _signature_refused(refused) from None
        except (KeyUnavailable, SignatureReplayed) as refused:
            raise Refused(UNAUTHORIZED, f"Signature validation error: {refused}") from None


def _insufficient(matched: Matched) -> Refused:
    details: dict[str, str] = {"type": matched.access_type, "action": matched.action}
    return Refused(FORBIDDEN, "Insufficient Grant", details)


def _signature_refused(refused: ProtocolError) -> Refused:
    details = {"detail": str(refused)}
    base = refused.signature_base if isinstance(refused, SignatureRefused) else None
    if base:
        details["signatureBase"] = base[:SIGNATURE_BASE_CHARS_MAX]
    return Refused(UNAUTHORIZED, f"Signature validation error: {refused}", details)


def _verdict(active: ActiveToken, matched: Matched) -> Verdict:
    item = active.access[0]
    wide = {"read": "read-all", "list": "list-all"}.get(matched.action)
    limits = item.limits if isinstance(item, OutgoingPaymentAccess) else None
    return Verdict(
        grant_id=active.grant_id,
        client=client_name(active.client),
        sees_all=wide is not None and wide in item.actions,
        limits=None if limits is None else limits.to_json().decode(),
    )
