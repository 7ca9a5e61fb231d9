"""Server and channel builders against each other on loopback, over the connector's contract."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from rafiki.connector.v1 import connector_service_pb2 as pb
from rafiki.connector.v1 import connector_service_pb2_grpc as pb_grpc
from servicekit import rest
from servicekit.backoff import Backoff
from servicekit.clock import SystemClock
from servicekit.error_mapping import DETAILS_KEY
from servicekit.errors import DeadlineExceeded, Internal, InvalidArgument, NotFound, Unavailable
from servicekit.grpc_client import GrpcClientLimits, build_channel, restored_errors
from servicekit.grpc_server import GrpcServer, GrpcServerLimits, ServiceBinding, build_grpc_server
from servicekit.health import HealthChecks
from servicekit.ids import SystemIds
from servicekit.interceptors.deadline import DeadlineLimits
from servicekit.interceptors.requests import RequestLimits
from servicekit.reflection import V1, V1ALPHA

_METHOD = "rafiki.connector.v1.ConnectorService/SendPacket"
Stub = Any


class Connector(pb_grpc.ConnectorServiceServicer):
    """Does what the packet's text says."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures_left = 0

    async def SendPacket(self, request: Any, context: Any) -> Any:  # noqa: N802 - the RPC's name
        self.calls += 1
        match request.prepare:
            case b"missing":
                raise NotFound("UNKNOWN_PEER", "no such peer", metadata={"id": "7"})
            case b"bug":
                raise ValueError("password=hunter2")
            case b"abort":
                await context.abort(grpc.StatusCode.DATA_LOSS, "by hand")
            case b"forever":
                await asyncio.Event().wait()
            case b"flaky" if self.failures_left:
                self.failures_left -= 1
                raise Unavailable("UNAVAILABLE", "not yet")
            case b"created":
                await rest.set_created(context)
        return pb.SendPacketResponse(reply=request.prepare)

    async def Packets(  # noqa: N802 - the RPC's name
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[Any]:
        async for request in request_iterator:
            if not request.packets:
                raise InvalidArgument("INVALID_FIELD", "an empty batch", field="packets")
            yield pb.PacketsResponse(packets=request.packets)


@asynccontextmanager
async def _serving(
    limits: GrpcServerLimits | None = None, client: GrpcClientLimits | None = None
) -> AsyncIterator[tuple[Connector, grpc.aio.Channel, GrpcServer, HealthChecks]]:
    servicer, clock = Connector(), SystemClock()
    checks = HealthChecks(clock=clock)
    server = build_grpc_server(
        services=[
            ServiceBinding(
                descriptor=pb.DESCRIPTOR.services_by_name["ConnectorService"],
                add=pb_grpc.add_ConnectorServiceServicer_to_server,
                servicer=servicer,
            )
        ],
        host="127.0.0.1",
        port=0,
        checks=checks,
        clock=clock,
        ids=SystemIds(clock),
        limits=limits,
    )
    port = await server.start()
    channel = build_channel(f"127.0.0.1:{port}", idempotent_methods=[_METHOD], limits=client)
    try:
        yield servicer, channel, server, checks
    finally:
        await channel.close()
        await server.stop(0)


def _bare(server: GrpcServer) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")


async def _send(channel: grpc.aio.Channel, text: bytes, **options: Any) -> Any:
    stub: Stub = pb_grpc.ConnectorServiceStub(channel)
    return await stub.SendPacket(pb.SendPacketRequest(prepare=text), **options)


async def test_a_typed_error_crosses_rpc_unchanged_and_an_untyped_one_shows_nothing() -> None:
    async with _serving() as (_, channel, _server, _checks):
        assert (await _send(channel, b"x")).reply == b"x"
        with pytest.raises(NotFound) as missing:
            await _send(channel, b"missing")
        assert missing.value.reason == "UNKNOWN_PEER"
        assert dict(missing.value.metadata) == {"id": "7"}
        with pytest.raises(Internal) as bug:
            await _send(channel, b"bug")
        assert "hunter2" not in bug.value.message


async def test_a_handlers_own_abort_is_left_alone() -> None:
    async with _serving() as (_, channel, _server, _checks):
        with pytest.raises(Internal) as error:
            await _send(channel, b"abort")
        cause = error.value.__cause__
        assert isinstance(cause, grpc.aio.AioRpcError)
        assert cause.code() is grpc.StatusCode.DATA_LOSS


async def test_a_stream_carries_batches_and_its_typed_error() -> None:
    async with _serving() as (_, channel, _server, _checks):
        stub: Stub = pb_grpc.ConnectorServiceStub(channel)

        async def batches() -> AsyncIterator[Any]:
            yield pb.PacketsRequest(packets=[pb.SequencedPacket(sequence=3, packet=b"p")])
            yield pb.PacketsRequest()

        replies = []

        async def read_all() -> None:
            with restored_errors():
                async for reply in stub.Packets(batches()):  # it ends in an error
                    replies.append(reply.packets[0].sequence)  # noqa: PERF401 - a comprehension would lose what came before the error

        with pytest.raises(InvalidArgument) as error:
            await read_all()
        assert replies == [3]
        assert error.value.field == "packets"


async def test_unavailable_is_retried_for_idempotent_calls_only_and_only_so_often() -> None:
    async with _serving(
        client=GrpcClientLimits(backoff=Backoff(first_ms=1, max_ms=1), attempts_max=3)
    ) as (
        servicer,
        channel,
        server,
        _,
    ):
        servicer.failures_left = 2
        assert (await _send(channel, b"flaky")).reply == b"flaky"
        assert servicer.calls == 3
        servicer.failures_left, servicer.calls = 5, 0
        with pytest.raises(Unavailable):
            await _send(channel, b"flaky")
        assert servicer.calls == 3
        plain = build_channel(f"127.0.0.1:{server.port}")
        servicer.failures_left, servicer.calls = 1, 0
        with pytest.raises(Unavailable):
            await _send(plain, b"flaky")
        assert servicer.calls == 1
        await plain.close()


async def test_nobody_listening_is_unavailable() -> None:
    channel = build_channel("127.0.0.1:1")
    with pytest.raises(Unavailable):
        await _send(channel, b"x")
    await channel.close()


async def test_a_call_without_a_deadline_gets_one_on_both_sides() -> None:
    async with _serving(client=GrpcClientLimits(deadline_ms=200)) as (_, channel, _server, _checks):
        with pytest.raises(DeadlineExceeded) as error:
            await _send(channel, b"forever")
        # The server's own answer, before the client's deadline: that is what shaving is for.
        assert error.value.message == "the deadline passed; the work may be done"
    limits = GrpcServerLimits(deadlines=DeadlineLimits(unary_s_max=0.05))
    async with _serving(limits) as (_, _channel, server, _checks), _bare(server) as bare:
        with pytest.raises(DeadlineExceeded), restored_errors():
            await _send(bare, b"forever")


async def test_work_is_refused_when_too_little_time_is_left() -> None:
    limits = GrpcServerLimits(deadlines=DeadlineLimits(shave_s=10))
    async with _serving(limits) as (servicer, channel, _server, _checks):
        with pytest.raises(DeadlineExceeded, match="too little time"):
            await _send(channel, b"x", timeout=5)
        assert servicer.calls == 0


async def test_too_many_calls_at_once_are_refused() -> None:
    async with (
        _serving(GrpcServerLimits(requests=RequestLimits(calls_max=1))) as (
            servicer,
            _c,
            server,
            _checks,
        ),
        _bare(server) as bare,
    ):
        running = asyncio.ensure_future(_send(bare, b"forever"))
        while servicer.calls == 0:  # noqa: ASYNC110 - the servicer has no event
            await asyncio.sleep(0.001)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await _send(bare, b"x")
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        running.cancel()


async def test_rest_mode_errors_are_trailers_only_with_status_and_body() -> None:
    async with _serving() as (_, _channel, server, _checks), _bare(server) as bare:
        for metadata in ((), ((rest.REST_MODE_KEY, "1"),)):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await _send(bare, b"missing", metadata=metadata)
            trailers = dict(error.value.trailing_metadata())
            assert DETAILS_KEY in trailers
            assert (rest.HTTP_STATUS_KEY in trailers) == bool(metadata)
        assert trailers[rest.HTTP_STATUS_KEY] == "404"
        assert json.loads(trailers[rest.ERROR_BODY_KEY]) == {
            "error": {"code": "404", "description": "no such peer", "details": {"id": "7"}}
        }
        assert len(error.value.initial_metadata()) == 0


async def test_a_servicer_sets_the_http_status_for_rest_callers_only() -> None:
    async with _serving() as (_, _channel, server, _checks), _bare(server) as bare:
        stub: Stub = pb_grpc.ConnectorServiceStub(bare)
        for metadata, status in (((), None), (((rest.REST_MODE_KEY, "1"),), "201")):
            call = stub.SendPacket(pb.SendPacketRequest(prepare=b"created"), metadata=metadata)
            assert (await call.initial_metadata()).get(rest.HTTP_STATUS_KEY) == status
            await call


async def test_health_follows_the_checks_and_the_end_of_the_server() -> None:
    async with _serving() as (_, channel, _server, checks):
        stub: Stub = health_pb2_grpc.HealthStub(channel)

        async def state(service: str) -> Any:
            return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status

        serving = health_pb2.HealthCheckResponse.SERVING
        assert await state("") == serving
        assert await state("rafiki.connector.v1.ConnectorService") == serving
        with pytest.raises(NotFound):
            await state("no.such.Service")
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == serving
        watch.cancel()
        checks.draining = True
        assert await state("") == health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("service", [V1, V1ALPHA])
async def test_reflection_describes_the_services_and_itself(service: str) -> None:
    async with _serving() as (_, channel, _server, _checks):
        call: Any = channel.stream_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )

        async def ask() -> AsyncIterator[Any]:
            yield reflection_pb2.ServerReflectionRequest(list_services="")
            yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)

        listed, described = [answer async for answer in call(ask())]
        names = {service.name for service in listed.list_services_response.service}
        assert {"rafiki.connector.v1.ConnectorService", "grpc.health.v1.Health", V1} <= names
        assert described.file_descriptor_response.file_descriptor_proto


async def test_a_taken_port_is_refused() -> None:
    async with _serving() as (_, _channel, server, checks):
        clock = SystemClock()
        build: Callable[[], GrpcServer] = lambda: build_grpc_server(  # noqa: E731 - called once, inside raises
            services=[],
            host="127.0.0.1",
            port=server.port,
            checks=checks,
            clock=clock,
            ids=SystemIds(clock),
        )
        with pytest.raises(RuntimeError, match=str(server.port)):
            build()
