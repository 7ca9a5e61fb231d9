"""What a request's body asks to execute; a known document may be named by its digest.

Apollo's persisted queries: `extensions.persistedQuery.sha256Hash` alone asks for a document that
was sent with it before; with the document it names it.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError

from services.frontend.graphql.documents import Documents
from services.frontend.graphql.errors import BAD_USER_INPUT, PERSISTED_QUERY_NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A document, with its variables and the operation of it that is meant."""

    text: str
    variables: dict[str, Any] | None
    operation_name: str | None
    digest: str | None
    """What the client names the document by."""


class NotRequestedError(Exception):
    """The body asks for nothing that can be executed."""

    def __init__(self, message: str, *, status: int = 400, code: str = BAD_USER_INPUT) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error = GraphQLError(message)


def read_request(body: bytes, documents: Documents) -> Requested:
    """What a body asks for; raises NotRequestedError that says what is wrong with it."""
    try:
        value = orjson.loads(body)
    except ValueError:
        raise NotRequestedError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise NotRequestedError("the body is an object with a `query`")
    digest = _digest(value.get("extensions"))
    text = value.get("query")
    if text is None and digest is not None:
        text = documents.text_of(digest)
        if text is None:
            raise NotRequestedError(
                "PersistedQueryNotFound", status=200, code=PERSISTED_QUERY_NOT_FOUND
            )
    if not isinstance(text, str) or not text:
        raise NotRequestedError("the body is an object with a `query`")
    if not isinstance(value.get("variables"), dict | None):
        raise NotRequestedError("`variables` is an object")
    if not isinstance(value.get("operationName"), str | None):
        raise NotRequestedError("`operationName` is a string")
    return Requested(
        text=text,
        variables=value.get("variables"),
        operation_name=value.get("operationName"),
        digest=digest,
    )


def _digest(extensions: Any) -> str | None:
    persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    return digest if isinstance(digest, str) else None
