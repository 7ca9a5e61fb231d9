"""Every RPC of every contract refuses requests that can't be read or that break a field's rules."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from servicekit.clock import SystemClock
from servicekit.error_mapping import from_rpc_error
from servicekit.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted, ServiceError
from servicekit.grpc_server import GrpcServerLimits, ServiceBinding, build_grpc_server
from servicekit.health import HealthChecks
from servicekit.ids import SystemIds
from servicekit.interceptors.requests import RequestLimits
from servicekit.text_rules import TEXT_BYTES_MAX

from tests.support.contracts import service_modules

RPCS_MIN = 90
FIELDS_MIN = 250
_DEPTH_MAX = 6


class Anything:
    """Answers every RPC with an empty reply, and keeps what arrived."""

    def __init__(self, service: ServiceDescriptor) -> None:
        self.service = service

    def __getattr__(self, name: str) -> Any:
        method = self.service.methods_by_name[name]
        reply = GetMessageClass(method.output_type)

        async def unary(request: Any, _: Any) -> Any:
            if method.client_streaming:
                async for _message in request:
                    pass
            return reply()

        async def stream(request: Any, _: Any) -> AsyncIterator[Any]:
            if method.client_streaming:
                async for _message in request:
                    yield reply()

        return stream if method.server_streaming else unary


def bindings() -> Iterator[ServiceBinding]:
    for module in service_modules():
        messages = importlib.import_module(module)
        calls = importlib.import_module(f"{module}_grpc")
        for name, service in messages.DESCRIPTOR.services_by_name.items():
            add = getattr(calls, f"add_{name}Servicer_to_server")
            yield ServiceBinding(descriptor=service, add=add, servicer=Anything(service))


BINDINGS = list(bindings())
METHODS = [method for binding in BINDINGS for method in binding.descriptor.methods]
# A stream's servicer refuses what is wrong in one message without ending the stream.
UNARY = [method for method in METHODS if not method.client_streaming]


@asynccontextmanager
async def serving(limits: RequestLimits | None = None) -> AsyncIterator[grpc.aio.Channel]:
    clock = SystemClock()
    server = build_grpc_server(
        services=BINDINGS,
        host="127.0.0.1",
        port=0,
        checks=HealthChecks(clock=clock),
        clock=clock,
        ids=SystemIds(clock),
        limits=GrpcServerLimits(requests=limits or RequestLimits()),
    )
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            yield channel
        finally:
            await server.stop(0)


async def _once(encoded: bytes) -> AsyncIterator[Any]:
    yield encoded


async def refusal(channel: grpc.aio.Channel, method: Any, encoded: bytes) -> ServiceError | None:
    """What a server says to these bytes, whatever the shape of the call."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    call: Any = channel.stream_stream(path)(_once(encoded), timeout=20)
    try:
        async for _ in call:
            pass
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error)
    return None


def texts(descriptor: Descriptor, depth: int = 0) -> Iterator[tuple[FieldDescriptor, ...]]:
    """The way to each text field of a message type, at any depth."""
    if depth == _DEPTH_MAX or descriptor.full_name.startswith("google.protobuf."):
        return
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (field,)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for rest in texts(field.message_type, depth + 1):
                yield (field, *rest)


def holding(descriptor: Descriptor, way: tuple[FieldDescriptor, ...], text: str) -> Message:
    """A message with this text at the end of the way."""
    message = at = GetMessageClass(descriptor)()
    for field in way[:-1]:
        inner = getattr(at, field.name)
        at = inner.add() if field.is_repeated else inner
    if way[-1].is_repeated:
        getattr(at, way[-1].name).append(text)
    else:
        setattr(at, way[-1].name, text)
    return message


def shown(way: tuple[FieldDescriptor, ...]) -> str:
    return ".".join(f"{f.name}[0]" if f.is_repeated else f.name for f in way)


async def test_every_text_field_of_every_rpc_refuses_nul_and_boundless_text_by_name() -> None:
    fields = 0
    async with serving() as channel:
        for method in UNARY:
            for way in texts(method.input_type):
                fields += 1
                for text in ("a\0b", "é" * (TEXT_BYTES_MAX // 2) + "x"):
                    message = holding(method.input_type, way, text)
                    error = await refusal(channel, method, message.SerializeToString())
                    assert isinstance(error, InvalidArgument), (method.full_name, way)
                    assert error.field == shown(way)
                    assert error.reason == "INVALID_FIELD"
                    assert shown(way) in error.message
                fitting = holding(method.input_type, way, "x" * TEXT_BYTES_MAX)
                assert await refusal(channel, method, fitting.SerializeToString()) is None
    assert len(UNARY) >= RPCS_MIN
    assert fields >= FIELDS_MIN


@pytest.mark.parametrize("encoded", [b"\xff", b"\x0a\x7f", b"\x0a\x03\xed\xa0\x80"])
async def test_what_is_no_message_is_an_invalid_argument_in_every_rpc(encoded: bytes) -> None:
    async with serving() as channel:
        for method in METHODS:
            error = await refusal(channel, method, encoded)
            readable = encoded[0] == 0x0A and not any(
                f.number == 1 and f.type == FieldDescriptor.TYPE_STRING
                for f in method.input_type.fields
            )
            if error is None:
                assert readable, method.full_name
            else:
                assert isinstance(error, InvalidArgument), method.full_name
                assert error.reason == "INVALID_BODY"


async def test_a_json_member_refuses_nul_and_what_is_no_number() -> None:
    method = next(m for m in METHODS if m.name == "CreateIncomingPayment")
    async with serving() as channel:
        for metadata, field in (
            ({"a": {"b": ["x", "\0"]}}, "metadata.a.b[1]"),
            ({"a\0": 1}, "metadata.(a name)"),
            ({"a": float("nan")}, "metadata.a"),
        ):
            message: Any = GetMessageClass(method.input_type)()
            message.metadata.update(metadata)
            error = await refusal(channel, method, message.SerializeToString())
            assert isinstance(error, InvalidArgument)
            assert error.field == field
        message = GetMessageClass(method.input_type)()
        message.metadata.update({"a": "x" * (TEXT_BYTES_MAX * 2)})
        assert await refusal(channel, method, message.SerializeToString()) is None


@pytest.mark.parametrize(("seconds", "nanos"), [(2**62, 0), (-(2**62), 0), (0, 2**31 - 1)])
async def test_a_time_outside_of_the_calendar_is_refused(seconds: int, nanos: int) -> None:
    method = next(m for m in METHODS if m.name == "CreateIncomingPayment")
    message: Any = GetMessageClass(method.input_type)()
    message.expires_at.seconds, message.expires_at.nanos = seconds, nanos
    async with serving() as channel:
        error = await refusal(channel, method, message.SerializeToString())
    assert isinstance(error, InvalidArgument)
    assert error.field == "expires_at"


def silent(channel: grpc.aio.Channel) -> Any:
    """A call that sends its headers and nothing else."""
    method = METHODS[0]
    path = f"/{method.containing_service.full_name}/{method.name}"
    return channel.stream_stream(path)()


async def failure(call: Any) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call.read()
    return from_rpc_error(error.value)


async def test_a_unary_call_without_its_message_is_given_up() -> None:
    async with serving(RequestLimits(arrival_s_max=0.05)) as channel:
        error = await failure(silent(channel))
        assert isinstance(error, DeadlineExceeded)
        assert "no message came" in error.message
        call = silent(channel)
        await call.done_writing()
        assert isinstance(await failure(call), InvalidArgument)


async def test_calls_without_a_message_take_no_room_from_those_with_one() -> None:
    async with serving(RequestLimits(waiting_max=8, calls_max=8)) as channel:
        calls = [silent(channel) for _ in range(64)]
        failing = asyncio.as_completed([failure(call) for call in calls])
        errors = [await next(failing) for _ in calls[8:]]
        assert all(isinstance(error, ResourceExhausted) for error in errors)
        assert await refusal(channel, METHODS[0], b"") is None
        for call in calls:
            call.cancel()
        await asyncio.gather(*failing, return_exceptions=True)
