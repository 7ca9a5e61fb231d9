"""Who gets in, and what the transport answers."""

import asyncio
import json

import pytest
from servicekit.errors import Internal, NotFound, Unavailable

from services.frontend.graphql.endpoint import BODY_BYTES_MAX
from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge, admin_edge
from tests.support.admin_messages import OPERATOR, STRANGER, TENANT

WHOAMI = "{ whoami { id isOperator } }"


def body_of(query: str) -> bytes:
    return json.dumps({"query": query}).encode()


async def test_the_signer_is_told_who_they_are(edge: AdminEdge) -> None:
    assert await edge.data(WHOAMI) == {"whoami": {"id": OPERATOR, "isOperator": True}}
    assert await edge.data(WHOAMI, tenant_id=TENANT) == {
        "whoami": {"id": TENANT, "isOperator": False}
    }


@pytest.mark.parametrize(
    "dropped", [{"tenant-id"}, {"signature"}, {"tenant-id", "signature"}], ids=sorted
)
async def test_a_request_without_credentials_is_unauthorized(
    edge: AdminEdge, dropped: set[str]
) -> None:
    headers = edge.signed(body_of(WHOAMI), OPERATOR)
    kept = {name: value for name, value in headers.items() if name not in dropped}
    response = await edge.raw(body_of(WHOAMI), headers=kept)
    assert (response.status, response.text) == (401, "Unauthorized")
    assert edge.services.calls == []


async def test_a_wrong_secret_another_tenant_and_a_swapped_body_are_unauthorized(
    edge: AdminEdge,
) -> None:
    body = body_of(WHOAMI)
    forged = edge.signed(body, OPERATOR, secret="guessed")
    assert (await edge.raw(body, headers=forged)).status == 401
    stranger = edge.signed(body, STRANGER, secret="own")
    assert (await edge.raw(body, headers=stranger)).status == 401
    swapped = edge.signed(body, OPERATOR)
    assert (
        await edge.raw(body_of("{ assets { edges { cursor } } }"), headers=swapped)
    ).status == 401


async def test_a_signature_counts_once(edge: AdminEdge) -> None:
    headers = edge.signed(body_of(WHOAMI), OPERATOR)
    assert (await edge.raw(body_of(WHOAMI), headers=headers)).status == 200
    assert (await edge.raw(body_of(WHOAMI), headers=headers)).status == 401


async def test_an_old_signature_is_unauthorized(edge: AdminEdge) -> None:
    headers = edge.signed(body_of(WHOAMI), OPERATOR)
    await edge.clock.advance(31)
    assert (await edge.raw(body_of(WHOAMI), headers=headers)).status == 401


async def test_the_raw_body_is_what_the_signature_covers(edge: AdminEdge) -> None:
    spaced = json.dumps({"query": WHOAMI, "variables": {}}, indent=4).encode()
    assert (await edge.raw(spaced)).status == 200


async def test_a_backend_that_is_away_is_no_401(edge: AdminEdge) -> None:
    edge.services.on("VerifyApiSignature", Unavailable("UNAVAILABLE", "away"))
    response = await edge.raw(body_of(WHOAMI))
    assert response.status == 503
    assert response.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"


async def test_a_body_over_the_limit_is_refused_before_it_is_read(edge: AdminEdge) -> None:
    response = await edge.raw(b" " * (BODY_BYTES_MAX + 1), headers={"tenant-id": OPERATOR})
    assert response.status == 413
    announced = {"content-length": str(BODY_BYTES_MAX + 1)}
    assert (await edge.raw(b"", headers=announced)).status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"query": 1}',
        b'{"variables": {}}',
        b'{"query": "{ whoami { id } }", "variables": []}',
        b'{"query": "{ whoami { id } }", "operationName": 1}',
        b'{"query": "query A { whoami { id } }", "operationName": "B"}',
        b'{"query": ""}',
    ],
)
async def test_a_body_that_is_no_operation_is_bad_user_input(edge: AdminEdge, body: bytes) -> None:
    response = await edge.raw(body)
    assert response.status == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ whoami {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { createAsset { asset { id } } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_document_that_cannot_run_is_a_400_with_the_originals_code(
    edge: AdminEdge, query: str, code: str
) -> None:
    response = await edge.raw(body_of(query))
    assert response.status == 400
    assert response.json()["errors"][0]["extensions"]["code"] == code
    # A second time, from the caches.
    assert (await edge.raw(body_of(query))).json() == response.json()


async def test_a_variable_of_the_wrong_type_is_bad_user_input(edge: AdminEdge) -> None:
    query = 'query ($scale: UInt8!) { assetByCodeAndScale(code: "USD", scale: $scale) { id } }'
    assert await edge.code(query, scale=256) == "BAD_USER_INPUT"


async def test_a_services_error_keeps_its_reason_and_an_internal_one_tells_nothing(
    edge: AdminEdge,
) -> None:
    query = 'query { asset(id: "1") { id } }'
    edge.services.on("GetAsset", NotFound("UNKNOWN_ASSET", "unknown asset"))
    answer = await edge.graphql(query)
    assert answer["data"] == {"asset": None}
    assert answer["errors"][0]["extensions"] == {"code": "NOT_FOUND", "reason": "UNKNOWN_ASSET"}
    assert answer["errors"][0]["message"] == "unknown asset"
    edge.services.on("GetAsset", Internal("INTERNAL", "password is hunter2"))
    answer = await edge.graphql(query)
    assert answer["errors"][0]["message"] == "Internal server error"
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


async def test_requests_of_two_tenants_at_once_never_mix(edge: AdminEdge) -> None:
    def owned(request: object) -> object:
        return messages.asset(tenant_id=getattr(request, "tenant_id", "") or OPERATOR)

    edge.services.on("GetAsset", owned)  # type: ignore[arg-type]  # a reply made of its request
    edge.services.on("GetTenant", lambda request: messages.tenant(request.id))
    query = "query ($n: String!) { whoami { id } asset(id: $n) { tenant { id } } }"
    callers = [OPERATOR, TENANT] * 20
    answers = await asyncio.gather(
        *(edge.data(query, tenant_id=caller, n=str(n)) for n, caller in enumerate(callers))
    )
    for caller, answer in zip(callers, answers, strict=True):
        assert answer == {"whoami": {"id": caller}, "asset": {"tenant": {"id": caller}}}


async def test_introspection_is_for_development_only(edge: AdminEdge) -> None:
    query = "{ __schema { queryType { name } } }"
    assert await edge.data(query) == {"__schema": {"queryType": {"name": "Query"}}}
    async with admin_edge(NODE_ENV="production") as production:
        answer = await production.graphql(query)
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_health_is_that_of_both_services(edge: AdminEdge) -> None:
    response = await edge.browser.get("/healthz")
    assert (response.status, response.json()) == (
        200,
        {"status": "ok", "checks": {"backend": "ok", "auth": "ok"}},
    )
    edge.health.draining = True
    await edge.clock.advance(2)
    response = await edge.browser.get("/healthz")
    assert (response.status, response.json()["status"]) == (503, "failed")
