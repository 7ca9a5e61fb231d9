"""Documents that clients name by their SHA-256 (Apollo's persisted queries), and GraphiQL."""

import hashlib
import json
from typing import Any

from tests.support.admin_edge import AdminEdge, admin_edge
from tests.support.admin_messages import OPERATOR

WHOAMI = "{ whoami { id } }"


def named(query: str | None, digest: str) -> bytes:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    known: dict[str, Any] = {"extensions": extensions}
    return json.dumps(known if query is None else known | {"query": query}).encode()


async def test_a_document_is_sent_once_and_then_named(edge: AdminEdge) -> None:
    digest = hashlib.sha256(WHOAMI.encode()).hexdigest()
    unknown = await edge.raw(named(None, digest))
    (error,) = unknown.json()["errors"]
    assert unknown.status == 200
    assert error["message"] == "PersistedQueryNotFound"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    expected = {"data": {"whoami": {"id": OPERATOR}}}
    assert (await edge.raw(named(WHOAMI, digest))).json() == expected
    assert (await edge.raw(named(None, digest))).json() == expected


async def test_a_name_that_is_not_the_documents_is_refused_and_not_kept(edge: AdminEdge) -> None:
    digest = hashlib.sha256(b"{ another }").hexdigest()
    assert (await edge.raw(named(WHOAMI, digest))).status == 400
    answer = (await edge.raw(named(None, digest))).json()
    assert answer["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_naming_a_document_needs_a_signature_too(edge: AdminEdge) -> None:
    digest = hashlib.sha256(WHOAMI.encode()).hexdigest()
    body = named(None, digest)
    forged = edge.signed(body, OPERATOR, secret="guessed")
    assert (await edge.raw(body, headers=forged)).status == 401


async def test_the_page_for_browsers_is_for_development_only(edge: AdminEdge) -> None:
    assert (await edge.browser.get("/graphql")).status == 405
    async with admin_edge(NODE_ENV="development") as development:
        page = await development.browser.get("/graphql")
    assert page.status == 200
    assert "graphiql" in page.text.lower()
    assert "crypto.subtle" in page.text
