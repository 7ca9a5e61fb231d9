"""GrantService over gRPC and, through the transcoder, REST."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from ilpkit.gnap.request import GRANT_REQUEST, GrantRequest
from ilpkit.openpayments.bodies import validate_body
from ilpkit.openpayments.errors import InvalidBody
from rafiki.grant.v1 import grant_service_pb2 as pb
from rafiki.grant.v1.grant_service_pb2_grpc import GrantServiceServicer
from servicekit.database import Database, WriteSession
from servicekit.rest import set_no_content

from services.auth.callers import Caller, caller_of
from services.auth.clients.display import ClientDisplaySource
from services.auth.clients.model import ClientDisplay, client_to_json, requested_client
from services.auth.errors import (
    InvalidRequest,
    InvalidRotation,
    UnknownTenant,
    UnprovenClient,
    UnprovenContinuation,
)
from services.auth.grants.model import Grant, NewGrant
from services.auth.grants.policy import InteractionPolicy, needs_interaction
from services.auth.grants.service import GrantAnswer, GrantService
from services.auth.idempotency.service import IdempotentCalls
from services.auth.protos import access_messages, optional, parse_id, subject_message, to_json
from services.auth.tokens.model import IssuedToken
from services.auth.tokens.service import TokenService
from services.auth.urls import PublicUrls

Context = ServicerContext[object, object]
Reply = TypeVar("Reply", pb.GrantResponse, pb.RotateTokenResponse, Empty)
_Request: TypeAlias = (
    pb.RequestGrantRequest
    | pb.ContinueGrantRequest
    | pb.CancelGrantRequest
    | pb.RotateTokenRequest
    | pb.RevokeTokenRequest
)
_NOT_GNAP = frozenset({"tenantId", "idempotencyKey"})


class GrantServicer(GrantServiceServicer):
    """Translates and delegates; who may call is the guard's verdict, read by `Caller`."""

    def __init__(
        self,
        *,
        database: Database,
        calls: IdempotentCalls,
        grants: GrantService,
        tokens: TokenService,
        displays: ClientDisplaySource,
        policy: InteractionPolicy,
        urls: PublicUrls,
    ) -> None:
        self._database = database
        self._calls = calls
        self._grants = grants
        self._tokens = tokens
        self._displays = displays
        self._policy = policy
        self._urls = urls

    async def RequestGrant(
        self, request: pb.RequestGrantRequest, context: Context
    ) -> pb.GrantResponse:
        caller = caller_of(context)
        tenant_id = parse_id(request.tenant_id, UnknownTenant(request.tenant_id))
        asked = _grant_request(request)
        client = requested_client(asked)
        if caller.client() not in (None, client):
            raise UnprovenClient("the client is not the one whose signature was checked")
        interactive = needs_interaction(asked, self._policy)
        display = await self._display(tenant_id, asked) if interactive else None

        async def work(session: WriteSession) -> pb.GrantResponse:
            answer = await self._grants.request(
                session, tenant_id=tenant_id, request=asked, client=client, display=display
            )
            return self._response(answer)

        scope = f"{tenant_id}/{json.dumps(client_to_json(client))}"
        return await self._run(caller, request, pb.GrantResponse, scope=scope, work=work)

    async def ContinueGrant(
        self, request: pb.ContinueGrantRequest, context: Context
    ) -> pb.GrantResponse:
        caller = caller_of(context)
        continue_id = parse_id(request.id, UnprovenContinuation())
        token = caller.token(optional(request, "continue_token"))
        grant_id = caller.grant_id()

        async def work(session: WriteSession) -> pb.GrantResponse:
            answer = await self._grants.continue_(
                session,
                continue_id=continue_id,
                continue_token=token,
                interact_ref=optional(request, "interact_ref"),
                grant_id=grant_id,
            )
            return self._response(answer)

        return await self._run(caller, request, pb.GrantResponse, scope=token, work=work)

    async def CancelGrant(self, request: pb.CancelGrantRequest, context: Context) -> Empty:
        caller = caller_of(context)
        continue_id = parse_id(request.id, UnprovenContinuation())
        token = caller.token(optional(request, "continue_token"))
        grant_id = caller.grant_id()

        async def work(session: WriteSession) -> Empty:
            await self._grants.cancel(
                session, continue_id=continue_id, continue_token=token, grant_id=grant_id
            )
            return Empty()

        reply = await self._run(caller, request, Empty, scope=token, work=work)
        await set_no_content(context)
        return reply

    async def RotateToken(
        self, request: pb.RotateTokenRequest, context: Context
    ) -> pb.RotateTokenResponse:
        caller = caller_of(context)
        management_id = parse_id(request.id, InvalidRotation())
        value = caller.token(optional(request, "access_token"))
        grant_id = caller.grant_id()

        async def work(session: WriteSession) -> pb.RotateTokenResponse:
            grant, token = await self._tokens.rotate(
                session, management_id=management_id, value=value, grant_id=grant_id
            )
            return pb.RotateTokenResponse(access_token=self._token(grant, token))

        return await self._run(caller, request, pb.RotateTokenResponse, scope=value, work=work)

    async def RevokeToken(self, request: pb.RevokeTokenRequest, context: Context) -> Empty:
        caller = caller_of(context)
        management_id = parse_id(request.id, UnprovenClient("there is no such token"))
        value = caller.token(optional(request, "access_token"))
        grant_id = caller.grant_id()

        async def work(session: WriteSession) -> Empty:
            await self._tokens.revoke(
                session, management_id=management_id, value=value, grant_id=grant_id
            )
            return Empty()

        reply = await self._run(caller, request, Empty, scope=value, work=work)
        await set_no_content(context)
        return reply

    async def _run(
        self,
        caller: Caller,
        request: _Request,
        reply_type: type[Reply],
        *,
        scope: str,
        work: Callable[[WriteSession], Awaitable[Reply]],
    ) -> Reply:
        """One transaction, once for the caller's idempotency key if there is one."""
        key = caller.idempotency_key if caller.rest else optional(request, "idempotency_key")
        return await self._calls.run(
            scope=scope, key=key, request=request, reply_type=reply_type, work=work
        )

    async def _display(self, tenant_id: UUID, asked: GrantRequest) -> ClientDisplay:
        """Ask the wallet address for its name, outside any transaction and only in good cause."""
        async with self._database.read() as session:
            await self._grants.check_interactive(session, tenant_id)
        return await self._displays.display(str(asked.client_wallet_address))

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

    def _token(self, grant: Grant | NewGrant, token: IssuedToken) -> pb.AccessToken:
        return pb.AccessToken(
            value=token.value,
            manage=self._urls.token(token.management_id),
            expires_in=token.expires_in_s,
            access=access_messages(grant.access),
        )


def _grant_request(request: pb.RequestGrantRequest) -> GrantRequest:
    """The typed request: what the public guard checks holds for native callers too."""
    members = {name: value for name, value in to_json(request).items() if name not in _NOT_GNAP}
    try:
        return validate_body(GRANT_REQUEST, json.dumps(members).encode())
    except InvalidBody as invalid:
        raise InvalidRequest(str(invalid), field=invalid.field) from None
