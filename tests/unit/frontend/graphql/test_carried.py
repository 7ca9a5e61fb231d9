"""Documents that were seen before: the signature travels with the one call that they make."""

import json

import pytest
from rafiki.admin.v1 import asset_service_pb2, liquidity_service_pb2
from servicekit.acting_tenant import BODY_BYTES_MAX
from servicekit.errors import NotFound

from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import OPERATOR, STRANGER, TENANT

ASSET = "query ($id: String!) { asset(id: $id) { code } }"
CREATE = "mutation ($i: CreateAssetInput!) { createAsset(input: $i) { asset { id } } }"
TRANSFERS = """query ($limit: Int) {
    accountingTransfers(id: "a", limit: $limit) { debits { id } } }"""


def body_of(query: str, **variables: object) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


def asked(edge: AdminEdge) -> list[str]:
    """The RPCs that reached a servicer since the last look."""
    names = [rpc for rpc, _ in edge.services.calls]
    edge.services.calls.clear()
    return names


async def test_a_known_document_makes_one_call(edge: AdminEdge) -> None:
    edge.services.on("GetAsset", messages.asset())
    first = await edge.data(ASSET, id="1")
    assert asked(edge) == ["VerifyApiSignature", "GetAsset"]
    assert await edge.data(ASSET, id="2") == first
    assert asked(edge) == ["GetAsset"]


async def test_a_known_document_is_for_those_who_signed_it(edge: AdminEdge) -> None:
    edge.services.on("GetAsset", messages.asset())
    await edge.data(ASSET, id="1")
    asked(edge)
    body = body_of(ASSET, id="1")
    forged = edge.signed(body, OPERATOR, secret="guessed")
    stranger = edge.signed(body, STRANGER, secret="own")
    other_body = edge.signed(body_of(ASSET, id="2"), OPERATOR)
    for headers in (forged, stranger, other_body):
        assert (await edge.raw(body, headers=headers)).status == 401
    headers = edge.signed(body, OPERATOR)
    assert [(await edge.raw(body, headers=headers)).status for _ in range(2)] == [200, 401]
    assert asked(edge) == ["GetAsset"]


async def test_what_is_refused_before_a_call_is_told_to_the_signer_only(edge: AdminEdge) -> None:
    empty = liquidity_service_pb2.ListAccountingTransfersResponse()
    edge.services.on("ListAccountingTransfers", empty)
    await edge.data(TRANSFERS)
    body = body_of(TRANSFERS, limit=0)
    forged = edge.signed(body, OPERATOR, secret="guessed")
    assert (await edge.raw(body, headers=forged)).status == 401
    assert await edge.code(TRANSFERS, limit=0) == "BAD_USER_INPUT"
    assert await edge.code(TRANSFERS, limit="x") == "BAD_USER_INPUT"


async def test_a_services_error_is_no_refusal_of_the_signature(edge: AdminEdge) -> None:
    edge.services.on("GetAsset", NotFound("UNKNOWN_ASSET", "unknown asset"))
    assert [await edge.code(ASSET, id="1") for _ in range(2)] == ["NOT_FOUND", "NOT_FOUND"]


async def test_a_tenant_is_kept_to_its_own_also_in_a_call_that_carries(edge: AdminEdge) -> None:
    edge.services.on("CreateAsset", messages.asset())
    given = {"code": "USD", "scale": 2}
    for _ in range(2):
        await edge.data(CREATE, tenant_id=TENANT, i=given)
    made = edge.services.requests("CreateAsset")
    assert [request.tenant_id for request in made] == [TENANT, TENANT]
    foreign = given | {"tenantId": OPERATOR}
    assert await edge.code(CREATE, tenant_id=TENANT, i=foreign) == "BAD_USER_INPUT"
    assert edge.services.requests("CreateAsset") == made


@pytest.mark.parametrize(
    "query",
    [
        "{ whoami { id } }",
        "{ a: asset(id: 1) { id } b: asset(id: 2) { id } }",
        "{ asset(id: 1) @include(if: true) { id } }",
        "{ ...F } fragment F on Query { asset(id: 1) { id } }",
        "query A { asset(id: 1) { id } } query B { whoami { id } }",
        "{ assets { edges { cursor } } } # " + "long" * BODY_BYTES_MAX,
    ],
)
async def test_other_documents_are_checked_before_they_run(edge: AdminEdge, query: str) -> None:
    edge.services.on("GetAsset", messages.asset())
    edge.services.on("ListAssets", asset_service_pb2.ListAssetsResponse())
    query = query.replace("id: 1", 'id: "1"').replace("id: 2", 'id: "2"')
    body = json.dumps({"query": query, "operationName": "A" if "query A" in query else None})
    for _ in range(2):
        assert (await edge.raw(body.encode())).status == 200
        assert asked(edge)[0] == "VerifyApiSignature"


@pytest.mark.parametrize("name", ["tenant-id", "signature"])
@pytest.mark.parametrize("value", ["\xff", "a\x01b", "x" * 20_000])
async def test_credentials_that_no_call_can_carry_are_none(
    edge: AdminEdge, name: str, value: str
) -> None:
    edge.services.on("GetAsset", messages.asset())
    await edge.data(ASSET, id="1")
    asked(edge)
    body = body_of(ASSET, id="1")
    headers = edge.signed(body, OPERATOR) | {name: value}
    assert (await edge.raw(body, headers=headers)).status == 401
    assert asked(edge) == []
