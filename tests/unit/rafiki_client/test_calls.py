"""Retries, keys, pages, the feed and errors, against a real gRPC server in this process."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from rafiki.admin.v1 import asset_service_pb2, event_service_pb2, tenant_service_pb2
from rafiki.common.v1 import paging_pb2
from rafiki.ledger.v1 import ledger_service_pb2
from rafiki_client import Node, RetryPolicy, connect, error_of, follow, newest, pages
from servicekit.errors import NotFound
from servicekit.interceptors.errors import errors_interceptor
from servicekit.rest_errors import open_payments_error

FAST = RetryPolicy(first_wait_s=0.001, wait_s_max=0.002)


@dataclass
class Answers:
    """What the server was asked, and what it says."""

    asked: list[Any] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    unavailable: int = 0
    answer: Callable[[Any], Any] = lambda _: asset_service_pb2.Asset(id="1")

    async def __call__(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        if self.unavailable:
            self.unavailable -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return self.answer(request)


@pytest.fixture
def answers() -> Answers:
    return Answers()


def handler(service: ServiceDescriptor, answers: Answers) -> grpc.GenericRpcHandler:
    """Every method of a service, answered by the one object."""
    return grpc.method_handlers_generic_handler(
        service.full_name,
        {
            method.name: grpc.unary_unary_rpc_method_handler(
                answers,
                request_deserializer=GetMessageClass(method.input_type).FromString,
                response_serializer=GetMessageClass(method.output_type).SerializeToString,
            )
            for method in service.methods
        },
    )


@pytest.fixture
async def target(answers: Answers) -> AsyncIterator[str]:
    server = grpc.aio.server(interceptors=[errors_interceptor(open_payments_error)])
    server.add_generic_rpc_handlers(
        tuple(
            handler(service, answers)
            for module in (asset_service_pb2, event_service_pb2, tenant_service_pb2)
            for service in module.DESCRIPTOR.services_by_name.values()
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
async def node(target: str) -> AsyncIterator[Node]:
    async with connect(target, headers={"X-Team": "payments"}, retries=FAST) as node:
        yield node


async def test_a_call_without_an_answer_is_repeated_under_one_new_key(
    node: Node, answers: Answers
) -> None:
    answers.unavailable = 2
    request = asset_service_pb2.CreateAssetRequest(code="USD", scale=2)
    assert (await node.assets.CreateAsset(request)).id == "1"
    keys = {asked.idempotency_key for asked in answers.asked}
    assert len(answers.asked) == 3
    assert len(keys) == 1
    assert keys != {""}
    assert request.idempotency_key == ""


async def test_the_callers_key_is_kept(node: Node, answers: Answers) -> None:
    await node.assets.CreateAsset(asset_service_pb2.CreateAssetRequest(idempotency_key="mine"))
    assert [asked.idempotency_key for asked in answers.asked] == ["mine"]


async def test_reads_are_repeated(node: Node, answers: Answers) -> None:
    answers.unavailable = 1
    await node.assets.GetAsset(asset_service_pb2.GetAssetRequest(id="1"))
    assert len(answers.asked) == 2


async def test_attempts_end(node: Node, answers: Answers) -> None:
    answers.unavailable = 100
    with pytest.raises(grpc.aio.AioRpcError):
        await node.assets.GetAsset(asset_service_pb2.GetAssetRequest(id="1"))
    assert len(answers.asked) == FAST.attempts_max


async def test_what_is_good_once_is_not_repeated(node: Node, answers: Answers) -> None:
    answers.unavailable = 1
    with pytest.raises(grpc.aio.AioRpcError):
        await node.tenants.VerifyApiSignature(tenant_service_pb2.VerifyApiSignatureRequest())
    assert len(answers.asked) == 1


async def test_headers_go_with_each_call(node: Node, answers: Answers) -> None:
    await node.assets.GetAsset(asset_service_pb2.GetAssetRequest(id="1"))
    assert answers.metadata[0]["x-team"] == "payments"


async def test_headers_go_with_streams_too() -> None:
    seen: list[dict[str, Any]] = []

    async def answer(_: Any, context: Any) -> AsyncIterator[Any]:
        seen.append(dict(context.invocation_metadata()))
        yield ledger_service_pb2.TransferBatchesResponse(sequence=1)

    server = grpc.aio.server()
    method: Any = grpc.stream_stream_rpc_method_handler(
        answer,
        request_deserializer=ledger_service_pb2.TransferBatchesRequest.FromString,
        response_serializer=ledger_service_pb2.TransferBatchesResponse.SerializeToString,
    )
    name = "rafiki.ledger.v1.LedgerService"
    handlers = grpc.method_handlers_generic_handler(name, {"TransferBatches": method})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with connect(f"127.0.0.1:{port}", headers={"X-Team": "payments"}) as node:
        batches = [ledger_service_pb2.TransferBatchesRequest(sequence=1)]
        async for response in node.ledger.TransferBatches(iter(batches)):
            assert response.sequence == 1
    await server.stop(None)
    assert seen[0]["x-team"] == "payments"


async def test_a_list_is_read_page_by_page(node: Node, answers: Answers) -> None:
    def page(request: Any) -> Any:
        number = int(request.page.cursor or 0)
        return asset_service_pb2.ListAssetsResponse(
            assets=[asset_service_pb2.Asset(id=f"{number}.{index}") for index in range(2)],
            page_info=paging_pb2.PageInfo(end_cursor=str(number + 1), has_next_page=number < 2),
        )

    answers.answer = page
    request = asset_service_pb2.ListAssetsRequest(tenant_id="t")
    ids = [asset.id async for asset in pages(node.assets.ListAssets, request)]
    assert ids == ["0.0", "0.1", "1.0", "1.1", "2.0", "2.1"]
    assert {asked.tenant_id for asked in answers.asked} == {"t"}
    assert not request.HasField("page")


async def test_the_feed_goes_on_from_its_cursor_and_shows_no_empty_batch(
    node: Node, answers: Answers
) -> None:
    kept = [event_service_pb2.WebhookEvent(id=str(index)) for index in range(3)]

    def pull(request: Any) -> Any:
        at = int(request.cursor or 0)
        if len(answers.asked) % 2:
            return event_service_pb2.PullEventsResponse(next_cursor=str(at))
        return event_service_pb2.PullEventsResponse(
            events=kept[at : at + 1], next_cursor=str(at + 1)
        )

    answers.answer = pull
    seen = []
    async for batch in follow(node.events, cursor="0"):
        seen += [event.id for event in batch.events]
        if batch.next_cursor == "3":
            break
    assert seen == ["0", "1", "2"]


async def test_newest_is_where_the_feed_ends_now(node: Node, answers: Answers) -> None:
    answers.answer = lambda _: event_service_pb2.PullEventsResponse(next_cursor="7")
    assert await newest(node.events) == "7"
    assert [asked.latest for asked in answers.asked] == [True]


async def test_an_error_says_its_reason(node: Node, answers: Answers) -> None:
    def refuse(_: Any) -> Any:
        raise NotFound("UNKNOWN_ASSET", "no such asset", metadata={"id": "1"}, field="id")

    answers.answer = refuse
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await node.assets.GetAsset(asset_service_pb2.GetAssetRequest(id="1"))
    error = error_of(caught.value)
    assert (error.reason, error.field, dict(error.metadata)) == ("UNKNOWN_ASSET", "id", {"id": "1"})
    assert str(error) == "UNKNOWN_ASSET: no such asset (field id) [id=1]"
