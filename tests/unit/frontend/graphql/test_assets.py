"""Assets and fees: what is asked of the backend, and what a client sees."""

from rafiki.admin.v1 import asset_service_pb2 as pb
from rafiki.common.v1 import paging_pb2
from servicekit.errors import AlreadyExists, NotFound

from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import OPERATOR, TENANT, uuid

ASSET = """{ id code scale liquidity withdrawalThreshold liquidityThreshold createdAt }"""
CREATE = (
    f"mutation ($input: CreateAssetInput!) {{ createAsset(input: $input) {{ asset {ASSET} }} }}"
)


async def test_an_asset_has_the_originals_shapes(edge: AdminEdge) -> None:
    edge.services.on("GetAsset", messages.asset(liquidity=2**64 - 1))
    assert await edge.data(f'{{ asset(id: "{uuid(1)}") {ASSET} }}') == {
        "asset": {
            "id": uuid(1),
            "code": "USD",
            "scale": 2,
            "liquidity": "18446744073709551615",
            "withdrawalThreshold": None,
            "liquidityThreshold": "1000",
            "createdAt": "2030-01-31T12:30:15.250Z",
        }
    }
    request = edge.services.request("GetAsset", pb.GetAssetRequest)
    assert request == pb.GetAssetRequest(id=uuid(1))


async def test_only_a_document_that_names_liquidity_asks_for_it(edge: AdminEdge) -> None:
    edge.services.on("GetAsset", messages.asset(liquidity=5))
    named = (
        f'query {{ asset(id: "{uuid(1)}") {{ ...it }} }} fragment it on Asset {{ l: liquidity }}'
    )
    for _ in range(2):  # as a new document, and as one whose call carries the signature
        assert await edge.data(named) == {"asset": {"l": "5"}}
    assert "GetAssetRequest" not in edge.services.without_liquidity
    for _ in range(2):
        await edge.data(f'{{ asset(id: "{uuid(1)}") {{ id }} }}')
    assert edge.services.without_liquidity.count("GetAssetRequest") == 2


async def test_an_unknown_asset_is_an_error_by_id_and_null_by_code(edge: AdminEdge) -> None:
    unknown = NotFound("UNKNOWN_ASSET", "unknown asset")
    edge.services.on("GetAsset", unknown)
    edge.services.on("GetAssetByCodeAndScale", unknown)
    assert await edge.code('{ asset(id: "1") { id } }') == "NOT_FOUND"
    query = '{ assetByCodeAndScale(code: "XYZ", scale: 9) { id } }'
    assert await edge.data(query) == {"assetByCodeAndScale": None}


async def test_creating_passes_all_on_and_takes_numbers_and_texts(edge: AdminEdge) -> None:
    edge.services.on("CreateAsset", messages.asset())
    given = {
        "code": "USD",
        "scale": 2,
        "withdrawalThreshold": 10,
        "liquidityThreshold": "18446744073709551615",
        "idempotencyKey": "key-1",
    }
    assert (await edge.data(CREATE, input=given))["createAsset"]["asset"]["id"] == uuid(1)
    assert edge.services.request("CreateAsset", pb.CreateAssetRequest) == pb.CreateAssetRequest(
        code="USD",
        scale=2,
        withdrawal_threshold=10,
        liquidity_threshold=2**64 - 1,
        idempotency_key="key-1",
    )


async def test_each_call_without_a_key_gets_one_of_its_own(edge: AdminEdge) -> None:
    edge.services.on("CreateAsset", messages.asset())
    for _ in range(2):
        await edge.data(CREATE, input={"code": "USD", "scale": 2})
    first, second = (call.idempotency_key for call in edge.services.requests("CreateAsset"))
    assert len({first, second, ""}) == 3


async def test_a_duplicate_asset_has_the_originals_code(edge: AdminEdge) -> None:
    edge.services.on("CreateAsset", AlreadyExists("DUPLICATE_ASSET", "asset exists"))
    assert await edge.code(CREATE, input={"code": "USD", "scale": 2}) == "DUPLICATE"


async def test_amounts_out_of_range_never_reach_the_backend(edge: AdminEdge) -> None:
    for wrong in (-1, "-1", str(2**64), "1e3", "1.5", 1.5, True, "\uff19", ""):
        given = {"code": "USD", "scale": 2, "liquidityThreshold": wrong}
        assert await edge.code(CREATE, input=given) == "BAD_USER_INPUT"
    for scale in (-1, 256, "2", 1.5):
        assert await edge.code(CREATE, input={"code": "USD", "scale": scale}) == "BAD_USER_INPUT"
    assert edge.services.requests("CreateAsset") == []


async def test_tenants_act_for_themselves_and_the_operator_for_whom_it_likes(
    edge: AdminEdge,
) -> None:
    edge.services.on("CreateAsset", messages.asset())
    edge.services.on("ListAssets", pb.ListAssetsResponse())
    given = {"code": "USD", "scale": 2}
    await edge.data(CREATE, tenant_id=TENANT, input=given)
    await edge.data(CREATE, tenant_id=TENANT, input=given | {"tenantId": TENANT})
    await edge.data(CREATE, input=given | {"tenantId": TENANT})
    assert [call.tenant_id for call in edge.services.requests("CreateAsset")] == [TENANT] * 3
    foreign = given | {"tenantId": OPERATOR}
    assert await edge.code(CREATE, tenant_id=TENANT, input=foreign) == "BAD_USER_INPUT"
    listing = "query ($of: String) { assets(tenantId: $of) { edges { cursor } } }"
    await edge.data(listing, tenant_id=TENANT, of=OPERATOR)
    await edge.data(listing, of=TENANT)
    await edge.data(listing)
    asked = edge.services.requests("ListAssets")
    assert [call.tenant_id for call in asked] == [TENANT, TENANT, ""]
    assert not asked[2].HasField("tenant_id")


async def test_absent_thresholds_are_cleared(edge: AdminEdge) -> None:
    edge.services.on("UpdateAsset", messages.asset())
    query = "mutation ($input: UpdateAssetInput!) { updateAsset(input: $input) { asset { id } } }"
    await edge.data(query, input={"id": uuid(1), "idempotencyKey": "k", "withdrawalThreshold": 0})
    assert edge.services.request("UpdateAsset", pb.UpdateAssetRequest) == pb.UpdateAssetRequest(
        id=uuid(1), withdrawal_threshold=0, idempotency_key="k"
    )


async def test_deleting_answers_the_asset(edge: AdminEdge) -> None:
    edge.services.on("DeleteAsset", messages.asset())
    query = "mutation ($input: DeleteAssetInput!) { deleteAsset(input: $input) { asset { id } } }"
    answer = await edge.data(query, input={"id": uuid(1)})
    assert answer == {"deleteAsset": {"asset": {"id": uuid(1)}}}


async def test_a_fee_is_set_and_shown(edge: AdminEdge) -> None:
    edge.services.on("SetFee", messages.fee())
    query = """mutation ($input: SetFeeInput!) {
        setFee(input: $input) { fee { id assetId type fixed basisPoints createdAt } } }"""
    given = {"assetId": uuid(1), "type": "SENDING", "fee": {"fixed": "5", "basisPoints": 100}}
    answer = await edge.data(query, input=given)
    assert answer["setFee"]["fee"] == {
        "id": uuid(1),
        "assetId": uuid(1),
        "type": "SENDING",
        "fixed": "5",
        "basisPoints": 100,
        "createdAt": "2030-01-31T12:30:15.250Z",
    }
    request = edge.services.request("SetFee", pb.SetFeeRequest)
    assert (request.type, request.fixed, request.basis_points) == (pb.FEE_TYPE_SENDING, 5, 100)
    negative = given | {"fee": {"fixed": "5", "basisPoints": -1}}
    assert await edge.code(query, input=negative) == "BAD_USER_INPUT"


async def test_the_current_fees_are_the_newest_of_each_type_asked_for_once(
    edge: AdminEdge,
) -> None:
    receiving = messages.fee(3, type=pb.FEE_TYPE_RECEIVING, fixed=9)
    first = pb.ListFeesResponse(
        fees=[messages.fee(2, fixed=7), messages.fee(1)],
        page_info=messages.page(end=uuid(1), has_next=True),
    )
    second = pb.ListFeesResponse(fees=[receiving], page_info=messages.page())

    def fees(request: pb.ListFeesRequest) -> pb.ListFeesResponse:
        return second if request.page.cursor == uuid(1) else first

    edge.services.on("ListFees", fees)
    edge.services.on("GetAsset", messages.asset())
    query = '{ asset(id: "1") { sendingFee { fixed } receivingFee { fixed } } }'
    answer = await edge.data(query)
    assert answer["asset"] == {"sendingFee": {"fixed": "7"}, "receivingFee": {"fixed": "9"}}
    assert len(edge.services.requests("ListFees")) == 2


async def test_the_history_of_fees_is_a_page(edge: AdminEdge) -> None:
    edge.services.on("GetAsset", messages.asset())
    edge.services.on(
        "ListFees",
        pb.ListFeesResponse(fees=[messages.fee(4)], page_info=messages.page(has_next=True)),
    )
    query = '{ asset(id: "1") { fees(first: 1) { edges { cursor } pageInfo { hasNextPage } } } }'
    answer = await edge.data(query)
    assert answer["asset"]["fees"] == {
        "edges": [{"cursor": uuid(4)}],
        "pageInfo": {"hasNextPage": True},
    }
    request = edge.services.request("ListFees", pb.ListFeesRequest)
    assert request.page == paging_pb2.PageRequest(first=1)
