"""`POST /graphql`: read a bounded body, find out who signed it, execute, answer.

Statuses are those of the original's server: 401 without a valid signature, 400 for what cannot be
executed, 200 with `errors` for what was.
"""

import json
from typing import Any, Final

import strawberry
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from graphql import GraphQLError, GraphQLSyntaxError
from rafiki.admin.v1 import tenant_service_pb2
from servicekit.errors import Kind, ServiceError
from servicekit.ids import IdSource
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from services.frontend.clients import Clients
from services.frontend.graphql.context import AdminContext, Caller
from services.frontend.graphql.errors import (
    BAD_USER_INPUT,
    PARSE_FAILED,
    VALIDATION_FAILED,
    error_json,
    service_error_json,
)

BODY_BYTES_MAX: Final = 1024 * 1024
HEADER_TENANT: Final = "tenant-id"
HEADER_SIGNATURE: Final = "signature"
# Whoever cannot prove who they are learns nothing more.
_NOT_AUTHENTIC: Final = frozenset({Kind.UNAUTHENTICATED, Kind.PERMISSION_DENIED, Kind.NOT_FOUND})
_NOT_AUTHENTIC_EITHER: Final = frozenset({Kind.INVALID_ARGUMENT, Kind.ALREADY_EXISTS})
_log = structlog.get_logger(__name__)


class BodyTooLargeError(Exception):
    """The request has more than it may."""


class GraphqlEndpoint:
    """The Admin API over HTTP."""

    def __init__(self, *, schema: strawberry.Schema, clients: Clients, ids: IdSource) -> None:
        self._schema = schema
        self._clients = clients
        self._ids = ids

    def router(self) -> APIRouter:
        """The one route."""
        router = APIRouter()
        router.add_api_route("/graphql", self.handle, methods=["POST"], include_in_schema=False)
        return router

    async def handle(self, request: Request) -> Response:
        """One request."""
        try:
            body = await read_body(request)
        except BodyTooLargeError:
            return _refusal(413, f"a request has at most {BODY_BYTES_MAX} bytes")
        try:
            caller = await self._authenticate(request, body)
        except ServiceError as error:
            return JSONResponse({"errors": [service_error_json(error)]}, status_code=503)
        if caller is None:
            return PlainTextResponse("Unauthorized", status_code=401)
        operation = _parse(body)
        if isinstance(operation, str):
            return _refusal(400, operation)
        context = AdminContext(caller=caller, clients=self._clients, ids=self._ids)
        return await self._execute(operation, context)

    async def _authenticate(self, request: Request, body: bytes) -> Caller | None:
        """Who signed the body, None when nobody provably did; raises ServiceError when unknown."""
        tenant_id = request.headers.get(HEADER_TENANT)
        signature = request.headers.get(HEADER_SIGNATURE)
        if not tenant_id or not signature:
            return None
        try:
            reply = await self._clients.tenants.VerifyApiSignature(
                tenant_service_pb2.VerifyApiSignatureRequest(
                    tenant_id=tenant_id, signature=signature, body=body
                )
            )
        except ServiceError as error:
            if error.kind in _NOT_AUTHENTIC | _NOT_AUTHENTIC_EITHER:
                _log.info("admin_api_call_refused", reason=error.reason)
                return None
            raise
        return Caller(tenant_id=reply.tenant_id, is_operator=reply.is_operator)

    async def _execute(self, operation: dict[str, Any], context: AdminContext) -> Response:
        try:
            result = await self._schema.execute(
                operation["query"],
                variable_values=operation.get("variables"),
                operation_name=operation.get("operationName"),
                context_value=context,
            )
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError):
            return _refusal(400, "the document has no operation of that name to execute")
        return _answer(result)


async def read_body(request: Request) -> bytes:
    """A request's body; raises BodyTooLargeError before more than the limit is kept."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise BodyTooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLargeError
    return bytes(body)


def _parse(body: bytes) -> dict[str, Any] | str:
    """The operation in a body, or what is wrong with it."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "the body is not JSON"
    if not isinstance(value, dict) or not isinstance(value.get("query"), str):
        return "the body is an object with a `query`"
    if not isinstance(value.get("variables"), dict | None):
        return "`variables` is an object"
    if not isinstance(value.get("operationName"), str | None):
        return "`operationName` is a string"
    return value


def _answer(result: ExecutionResult | PreExecutionError) -> Response:
    errors = result.errors or []
    if isinstance(result, PreExecutionError):
        failed = [error_json(error, code=_failure(error)) for error in errors]
        return JSONResponse({"errors": failed}, status_code=400)
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = [error_json(error) for error in errors]
    return JSONResponse(body)


def _failure(error: GraphQLError) -> str | None:
    if isinstance(error, GraphQLSyntaxError):
        return PARSE_FAILED
    return VALIDATION_FAILED if error.original_error is None else None


def _refusal(status: int, message: str) -> Response:
    error = error_json(GraphQLError(message), code=BAD_USER_INPUT)
    return JSONResponse({"errors": [error]}, status_code=status)
