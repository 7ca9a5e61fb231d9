"""`POST /graphql`: read a bounded body, find out who signed it, execute, answer.

Statuses are those of the original's server: 401 without a valid signature, 400 for what cannot be
executed, 200 with `errors` for what was. A plain ASGI application: nothing stands between the
server and it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from inspect import isawaitable
from types import CoroutineType
from typing import Any, Final, TypeAlias, TypeGuard

import orjson
import structlog
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationType,
    execute,
    get_operation_ast,
    subscribe,
)
from rafiki.admin.v1 import tenant_service_pb2
from servicekit.acting_tenant import BODY_BYTES_MAX as BODY_BYTES_MAX_CARRIED
from servicekit.acting_tenant import Actor, Signature
from servicekit.errors import Kind, ServiceError
from servicekit.ids import IdSource

from services.frontend.clients import Clients
from services.frontend.graphql.context import AdminContext
from services.frontend.graphql.documents import Checked, Documents
from services.frontend.graphql.errors import (
    BAD_USER_INPUT,
    PARSE_FAILED,
    VALIDATION_FAILED,
    error_json,
    service_error_json,
)
from services.frontend.graphql.event_stream import accepts_events, send_events
from services.frontend.graphql.operation_request import NotRequestedError, Requested, read_request
from services.frontend.graphql.operations import MUTATIONS, QUERIES
from services.frontend.graphql.replies import asked

BODY_BYTES_MAX: Final = 1024 * 1024
SUBSCRIPTIONS_MAX: Final = 100
"""Open at once in one process."""
# Documents whose one call can carry the signature; auth knows no secrets of the Admin API.
_CARRYING: Final = frozenset(
    f"{kind}.{name}"
    for kind, rows in (("query", QUERIES), ("mutation", MUTATIONS))
    for name, row in rows.items()
    if (rpc := asked(row)) is not None and rpc.containing_service.file.package == "rafiki.admin.v1"
)
# Whoever cannot prove who they are learns nothing more.
_NOT_AUTHENTIC: Final = frozenset(
    {Kind.UNAUTHENTICATED, Kind.PERMISSION_DENIED, Kind.NOT_FOUND}
    | {Kind.INVALID_ARGUMENT, Kind.ALREADY_EXISTS}
)
# What a call's metadata carries: printable, and of a size that leaves room for the body.
_CREDENTIALS: Final = re.compile(rb"[!-~ ]{1,1200}")
_JSON: Final = (b"content-type", b"application/json")
_log = structlog.get_logger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Caller: TypeAlias = tenant_service_pb2.VerifyApiSignatureResponse
Answer: TypeAlias = tuple[int, dict[str, Any]] | AsyncIterator[dict[str, Any]] | None
"""A status and its JSON, a subscription's answers, or None for whom nobody knows."""


class BodyTooLargeError(Exception):
    """The request has more than it may."""


class GraphqlEndpoint:
    """The Admin API over HTTP."""

    def __init__(
        self,
        *,
        schema: GraphQLSchema,
        documents: Documents,
        clients: Clients,
        ids: IdSource,
        ending: Callable[[], bool],
        ide: bytes | None,
    ) -> None:
        """`ide` is the page of who comes with a browser, for development."""
        self._schema = schema
        self._documents = documents
        self._rpcs = clients.rpcs()
        self._ids = ids
        self._ending = ending
        self._ide = ide
        self._subscriptions = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["method"] == "GET" and self._ide is not None:
            await _respond(send, 200, self._ide, (b"content-type", b"text/html; charset=utf-8"))
            return
        if scope["method"] != "POST":
            await _respond(send, 405, b"Method Not Allowed", (b"allow", b"POST"))
            return
        answer = await self._answer(dict(scope["headers"]), receive)
        if answer is None:
            await _respond(send, 401, b"Unauthorized")
        elif isinstance(answer, tuple):
            status, body = answer
            await _respond(send, status, orjson.dumps(body), _JSON)
        else:
            await self._stream(answer, receive, send)

    async def _stream(
        self, answers: AsyncIterator[dict[str, Any]], receive: Receive, send: Send
    ) -> None:
        if self._subscriptions >= SUBSCRIPTIONS_MAX:
            status, body = _refusal(503, f"at most {SUBSCRIPTIONS_MAX} subscriptions are open")
            await _respond(send, status, orjson.dumps(body), _JSON)
            return
        self._subscriptions += 1
        try:
            await send_events(answers, receive, send)
        finally:
            self._subscriptions -= 1

    async def _answer(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        try:
            body = await read_body(headers.get(b"content-length", b"").decode("latin-1"), receive)
        except BodyTooLargeError:
            return _refusal(413, f"a request has at most {BODY_BYTES_MAX} bytes")
        signer = self._signer(headers, body)
        if signer is None:
            return None
        try:
            return await self._answer_signer(signer, body, headers.get(b"accept", b""))
        except ServiceError as error:
            return 503, {"errors": [service_error_json(error)]}
        except NotRequestedError as refused:
            return refused.status, {"errors": [error_json(refused.error, code=refused.code)]}

    def _signer(self, headers: dict[bytes, bytes], body: bytes) -> Actor | None:
        """Who says that they signed the body."""
        tenant_id, signature = headers.get(b"tenant-id"), headers.get(b"signature")
        if not tenant_id or not signature or not _CREDENTIALS.fullmatch(tenant_id + signature):
            return None
        call = str(self._ids.uuid())
        return Actor(
            tenant_id=tenant_id.decode("latin-1"),
            signature=Signature(text=signature.decode("latin-1"), body=body, call=call),
        )

    async def _answer_signer(self, signer: Actor, body: bytes, accept: bytes) -> Answer:
        """What the signer may know; raises ServiceError when that can't be found out."""
        if len(body) <= BODY_BYTES_MAX_CARRIED and (known := self._known(body)) is not None:
            return await self._carry(signer, *known)
        caller = await self._authenticate(signer)
        if caller is None:
            return None
        context = self._context(Actor(tenant_id=caller.tenant_id), caller)
        return await self._answer_caller(context, body, accept)

    def _known(self, body: bytes) -> tuple[Checked, Requested] | None:
        """A document that was executed before, and whose one call can carry the signature."""
        try:
            requested = read_request(body, self._documents)
        except NotRequestedError:
            return None
        checked = self._documents.known(requested.text)
        if checked is None or checked.only_field not in _CARRYING:
            return None
        return checked, requested

    async def _carry(self, signer: Actor, known: Checked, requested: Requested) -> Answer:
        """Let the one call carry the signature; nothing is told before that is checked."""
        context = self._context(signer, None)
        answer = await self._execute(known, requested, context)
        if context.unchecked and await self._authenticate(signer) is None:
            return None
        return None if context.refused else answer

    async def _answer_caller(self, context: AdminContext, body: bytes, accept: bytes) -> Answer:
        requested = read_request(body, self._documents)
        try:
            checked = self._documents.check(self._schema, requested.text)
        except GraphQLSyntaxError as error:
            return _refused([error], PARSE_FAILED)
        if checked.errors:
            return _refused(checked.errors, VALIDATION_FAILED)
        if requested.digest is not None and not self._documents.name(
            requested.digest, requested.text
        ):
            raise NotRequestedError("provided sha does not match query")
        operation = get_operation_ast(checked.document, requested.operation_name)
        if operation is None:
            raise NotRequestedError("the document has no operation of that name to execute")
        if operation.operation is not OperationType.SUBSCRIPTION:
            return await self._execute(checked, requested, context)
        if not accepts_events(accept):
            raise NotRequestedError("a subscription is answered as text/event-stream")
        return await self._subscribe(checked, requested, context)

    async def _execute(
        self, checked: Checked, requested: Requested, context: AdminContext
    ) -> tuple[int, dict[str, Any]]:
        # A name is written as it is in GraphQL, so what is not in the text is not asked for.
        context.asks_liquidity = "liquidity" in requested.text
        result = execute(
            self._schema,
            checked.document,
            context_value=context,
            variable_values=requested.variables,
            operation_name=requested.operation_name,
            is_awaitable=_is_awaitable,
        )
        return 200, _json(await result if isawaitable(result) else result)

    async def _subscribe(
        self, checked: Checked, requested: Requested, context: AdminContext
    ) -> Answer:
        started = subscribe(
            self._schema,
            checked.document,
            context_value=context,
            variable_values=requested.variables,
            operation_name=requested.operation_name,
        )
        results = await started if isawaitable(started) else started
        if isinstance(results, ExecutionResult):
            return 200, _json(results)
        return _answers(results)

    def _context(self, actor: Actor, caller: Caller | None) -> AdminContext:
        return AdminContext(
            actor=actor, caller=caller, rpcs=self._rpcs, ids=self._ids, ending=self._ending
        )

    async def _authenticate(self, signer: Actor) -> Caller | None:
        """Who signed the body, None when nobody provably did; raises ServiceError when unknown."""
        assert signer.signature is not None
        request = tenant_service_pb2.VerifyApiSignatureRequest(
            tenant_id=signer.tenant_id,
            signature=signer.signature.text,
            body=signer.signature.body,
        )
        try:
            caller: Caller = await self._rpcs["VerifyApiSignature"](request)
        except ServiceError as error:
            if error.kind in _NOT_AUTHENTIC:
                _log.info("admin_api_call_refused", reason=error.reason)
                return None
            raise
        return caller


async def read_body(announced: str, receive: Receive) -> bytes:
    """A request's body; raises BodyTooLargeError before more than the limit is kept."""
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise BodyTooLargeError
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def _is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    """Whether a value is still to come: asked for each field, so no other kinds are looked for."""
    return isinstance(value, (CoroutineType, asyncio.Future))


def _json(result: ExecutionResult) -> dict[str, Any]:
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [error_json(error) for error in result.errors]
    return answer


async def _answers(results: AsyncIterator[ExecutionResult]) -> AsyncIterator[dict[str, Any]]:
    """Each answer of a subscription; the last is the error that ended it, if one did."""
    try:
        async for result in results:
            yield _json(result)
    except ServiceError as error:
        yield {"errors": [service_error_json(error)]}


def _refused(errors: Iterable[GraphQLError], code: str) -> tuple[int, dict[str, Any]]:
    return 400, {"errors": [error_json(error, code=code) for error in errors]}


def _refusal(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"errors": [error_json(GraphQLError(message), code=BAD_USER_INPUT)]}


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})
