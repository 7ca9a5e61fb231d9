"""GrantService over gRPC and, through the transcoder, REST."""

import json

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from ilpkit.gnap.client import client_name
from ilpkit.gnap.request import GRANT_REQUEST, GrantRequest
from ilpkit.openpayments.errors import InvalidBody
from rafiki.grant.v1 import grant_service_pb2 as pb
from rafiki.grant.v1.grant_service_pb2_grpc import GrantServiceServicer
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.idempotency import Once, once_of
from servicekit.messages import NOTHING, optional
from servicekit.rest import set_no_content
from servicekit.verdict import Caller, caller_of

from services.auth.callers.context import grant_of, token_of, verdict_of
from services.auth.clients.model import requested_client
from services.auth.gnap.errors import (
    InvalidRequest,
    InvalidRotation,
    UnknownTenant,
    UnprovenClient,
    UnprovenContinuation,
)
from services.auth.gnap.messages import access_messages, parse_id, subject_message, to_json
from services.auth.gnap.urls import PublicUrls
from services.auth.granting.build import Granting
from services.auth.granting.model import AskedGrant, Continuation, GrantAnswer
from services.auth.grants.model import Grant, NewGrant
from services.auth.tokens.build import Tokens
from services.auth.tokens.commands.rotate_token import Rotated
from services.auth.tokens.model import IssuedToken, PresentedToken

Context = ServicerContext[object, object]
_Request = (
    pb.RequestGrantRequest
    | pb.ContinueGrantRequest
    | pb.CancelGrantRequest
    | pb.RotateTokenRequest
    | pb.RevokeTokenRequest
)
_NOT_GNAP = frozenset({"tenantId", "idempotencyKey"})


class GrantServicer(GrantServiceServicer):
    """Translates; the decisions are in the commands, and who may call is the guard's verdict."""

    def __init__(
        self, *, commands: Commands, granting: Granting, tokens: Tokens, urls: PublicUrls
    ) -> None:
        self._commands = commands
        self._granting = granting
        self._tokens = tokens
        self._urls = urls
        self._answers = Replies(
            message=pb.GrantResponse, encode=self._response, recover=nothing_to_recover
        )
        self._rotations = Replies(
            message=pb.RotateTokenResponse, encode=self._rotated, recover=nothing_to_recover
        )

    async def RequestGrant(
        self, request: pb.RequestGrantRequest, context: Context
    ) -> pb.GrantResponse:
        caller = caller_of(context)
        tenant_id = parse_id(request.tenant_id, UnknownTenant(request.tenant_id))
        asked = _grant_request(request)
        client = requested_client(asked)
        if verdict_of(caller).client not in (None, client_name(client)):
            raise UnprovenClient("the client is not the one whose signature was checked")
        return await self._commands.run_once(
            self._granting.create,
            AskedGrant(tenant_id=tenant_id, request=asked, client=client),
            once=_once(caller, request, scope=f"{tenant_id}/{client_name(client)}"),
            replies=self._answers,
        )

    async def ContinueGrant(
        self, request: pb.ContinueGrantRequest, context: Context
    ) -> pb.GrantResponse:
        caller = caller_of(context)
        continuation = Continuation(
            continue_id=parse_id(request.id, UnprovenContinuation()),
            continue_token=token_of(caller, optional(request, "continue_token")),
            grant_id=grant_of(caller),
            interact_ref=optional(request, "interact_ref"),
        )
        return await self._commands.run_once(
            self._granting.continue_,
            continuation,
            once=_once(caller, request, scope=continuation.continue_token),
            replies=self._answers,
        )

    async def CancelGrant(self, request: pb.CancelGrantRequest, context: Context) -> Empty:
        caller = caller_of(context)
        continuation = Continuation(
            continue_id=parse_id(request.id, UnprovenContinuation()),
            continue_token=token_of(caller, optional(request, "continue_token")),
            grant_id=grant_of(caller),
        )
        reply = await self._commands.run_once(
            self._granting.cancel,
            continuation,
            once=_once(caller, request, scope=continuation.continue_token),
            replies=NOTHING,
        )
        await set_no_content(context)
        return reply

    async def RotateToken(
        self, request: pb.RotateTokenRequest, context: Context
    ) -> pb.RotateTokenResponse:
        caller = caller_of(context)
        presented = PresentedToken(
            management_id=parse_id(request.id, InvalidRotation()),
            value=token_of(caller, optional(request, "access_token")),
            grant_id=grant_of(caller),
        )
        return await self._commands.run_once(
            self._tokens.rotate,
            presented,
            once=_once(caller, request, scope=presented.value),
            replies=self._rotations,
        )

    async def RevokeToken(self, request: pb.RevokeTokenRequest, context: Context) -> Empty:
        caller = caller_of(context)
        presented = PresentedToken(
            management_id=parse_id(request.id, UnprovenClient("there is no such token")),
            value=token_of(caller, optional(request, "access_token")),
            grant_id=grant_of(caller),
        )
        reply = await self._commands.run_once(
            self._tokens.revoke,
            presented,
            once=_once(caller, request, scope=presented.value),
            replies=NOTHING,
        )
        await set_no_content(context)
        return reply

    def _response(self, answer: GrantAnswer) -> pb.GrantResponse:
        grant = answer.grant
        response = pb.GrantResponse()
        continue_ = getattr(response, "continue")  # the contract's name is a Python keyword
        continue_.access_token.value = answer.continue_token
        continue_.uri = self._urls.continuation(grant.continue_id)
        if answer.wait_s is not None:
            continue_.wait = answer.wait_s
        if answer.interaction is not None:
            interaction = answer.interaction
            response.interact.redirect = self._urls.interaction(
                interaction.id,
                interaction.nonce,
                name=grant.client_name or "",
                uri=str(getattr(grant.client, "url", "")),
            )
            response.interact.finish = interaction.nonce
        if answer.token is not None:
            response.access_token.CopyFrom(self._token(grant, answer.token))
        subject = subject_message(grant.subject_ids)
        if answer.approved and subject is not None:
            response.subject.CopyFrom(subject)
        return response

    def _rotated(self, done: Rotated) -> pb.RotateTokenResponse:
        return pb.RotateTokenResponse(access_token=self._token(done.grant, done.token))

    def _token(self, grant: Grant | NewGrant, token: IssuedToken) -> pb.AccessToken:
        return pb.AccessToken(
            value=token.value,
            manage=self._urls.token(token.management_id),
            expires_in=token.expires_in_s,
            access=access_messages(grant.access),
        )


def _once(caller: Caller, request: _Request, *, scope: str) -> Once | None:
    """What makes a repeat of a call; None without a key: each call is a new one."""
    key = caller.idempotency_key(request)
    return None if key is None else once_of(request, scope=scope, key=key)


def _grant_request(request: pb.RequestGrantRequest) -> GrantRequest:
    """The typed request: what the public guard checks holds for native callers too."""
    members = {name: value for name, value in to_json(request).items() if name not in _NOT_GNAP}
    try:
        return GRANT_REQUEST.parse(json.dumps(members).encode(), unknown=None)
    except InvalidBody as invalid:
        raise InvalidRequest(str(invalid), field=invalid.field) from None
