"""`POST /graphql`: read a bounded body, find out who signed it, execute, answer.

Statuses are those of the original's server: 401 without a valid signature, 400 for what cannot be
executed, 200 with `errors` for what was. A plain ASGI application: nothing stands between the
server and it.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from inspect import isawaitable
from typing import Any, Final, TypeAlias

import orjson
import structlog
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    execute,
    get_operation_ast,
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
from services.frontend.graphql.operations import MUTATIONS, QUERIES
from services.frontend.graphql.replies import asked

BODY_BYTES_MAX: Final = 1024 * 1024
# Documents whose one call can carry the signature; auth knows no secrets of the Admin API.
_CARRYING: Final = frozenset(
    f"{kind}.{name}"
    for kind, rows in (("query", QUERIES), ("mutation", MUTATIONS))
    for name, row in rows.items()
    if (rpc := asked(row)) is not None and rpc.containing_service.file.package == "rafiki.admin.v1"
)
HEADER_TENANT: Final = b"tenant-id"
HEADER_SIGNATURE: Final = b"signature"
# Whoever cannot prove who they are learns nothing more.
_NOT_AUTHENTIC: Final = frozenset(
    {Kind.UNAUTHENTICATED, Kind.PERMISSION_DENIED, Kind.NOT_FOUND}
    | {Kind.INVALID_ARGUMENT, Kind.ALREADY_EXISTS}
)
_log = structlog.get_logger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer: TypeAlias = tuple[int, Any]
"""A status and what becomes JSON."""
Caller: TypeAlias = tenant_service_pb2.VerifyApiSignatureResponse


class BodyTooLargeError(Exception):
    """The request has more than it may."""


class GraphqlEndpoint:
    """The Admin API over HTTP."""

    def __init__(
        self, *, schema: GraphQLSchema, documents: Documents, clients: Clients, ids: IdSource
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._rpcs = clients.rpcs()
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["method"] != "POST":
            await _respond(send, 405, b"Method Not Allowed", (b"allow", b"POST"))
            return
        status, answer = await self._answer(dict(scope["headers"]), receive)
        if status == 401:  # noqa: PLR2004 - the one answer that is no JSON, as the original's
            await _respond(send, status, b"Unauthorized")
            return
        body = orjson.dumps(answer)
        await _respond(send, status, body, (b"content-type", b"application/json"))

    async def _answer(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        try:
            body = await read_body(headers.get(b"content-length", b"").decode("latin-1"), receive)
        except BodyTooLargeError:
            return _refusal(413, f"a request has at most {BODY_BYTES_MAX} bytes")
        tenant_id, signature = headers.get(HEADER_TENANT), headers.get(HEADER_SIGNATURE)
        if not tenant_id or not signature:
            return 401, None
        signer = Actor(
            tenant_id=tenant_id.decode("latin-1"),
            signature=Signature(
                text=signature.decode("latin-1"), body=body, call=str(self._ids.uuid())
            ),
        )
        try:
            return await self._answer_signed(signer, body)
        except ServiceError as error:
            return 503, {"errors": [service_error_json(error)]}

    async def _answer_signed(self, signer: Actor, body: bytes) -> Answer:
        """What the signer may know, 401 for nobody; raises ServiceError when that is unknown."""
        operation = _parse(body) if len(body) <= BODY_BYTES_MAX_CARRIED else ""
        if not isinstance(operation, str):
            known = self._documents.known(operation["query"])
            if known is not None and known.only_field in _CARRYING:
                return await self._carry(signer, known, operation)
        caller = await self._authenticate(signer)
        if caller is None:
            return 401, None
        operation = _parse(body)
        if isinstance(operation, str):
            return _refusal(400, operation)
        try:
            checked = self._documents.check(self._schema, operation["query"])
        except GraphQLSyntaxError as error:
            return _refused([error], PARSE_FAILED)
        if checked.errors:
            return _refused(checked.errors, VALIDATION_FAILED)
        return await self._execute(
            checked, operation, self._context(replace(signer, signature=None), caller)
        )

    async def _carry(self, signer: Actor, known: Checked, operation: dict[str, Any]) -> Answer:
        """Let the one call carry the signature; nothing is told before that is checked."""
        context = self._context(signer, None)
        answer = await self._execute(known, operation, context)
        if context.unchecked and await self._authenticate(signer) is None:
            return 401, None
        return (401, None) if context.refused else answer

    def _context(self, actor: Actor, caller: Caller | None) -> AdminContext:
        return AdminContext(actor=actor, caller=caller, rpcs=self._rpcs, ids=self._ids)

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

    async def _execute(
        self, checked: Checked, operation: dict[str, Any], context: AdminContext
    ) -> Answer:
        name = operation.get("operationName")
        if get_operation_ast(checked.document, name) is None:
            return _refusal(400, "the document has no operation of that name to execute")
        result = execute(
            self._schema,
            checked.document,
            context_value=context,
            variable_values=operation.get("variables"),
            operation_name=name,
        )
        done: ExecutionResult = await result if isawaitable(result) else result
        answer: dict[str, Any] = {"data": done.data}
        if done.errors:
            answer["errors"] = [error_json(error) for error in done.errors]
        return 200, answer


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


def _parse(body: bytes) -> dict[str, Any] | str:
    """The operation in a body, or what is wrong with it."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return "the body is not JSON"
    if not isinstance(value, dict) or not isinstance(value.get("query"), str) or not value["query"]:
        return "the body is an object with a `query`"
    if not isinstance(value.get("variables"), dict | None):
        return "`variables` is an object"
    if not isinstance(value.get("operationName"), str | None):
        return "`operationName` is a string"
    return value


def _refused(errors: Iterable[GraphQLError], code: str) -> Answer:
    return 400, {"errors": [error_json(error, code=code) for error in errors]}


def _refusal(status: int, message: str) -> Answer:
    return status, {"errors": [error_json(GraphQLError(message), code=BAD_USER_INPUT)]}


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})
