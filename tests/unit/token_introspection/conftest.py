"""A fake authorization server, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import ParseDict
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from rafiki.introspection.v1.introspection_service_pb2_grpc import (
    IntrospectionServiceServicer,
    add_IntrospectionServiceServicer_to_server,
)

QUOTE = {"type": "quote", "actions": ["read"]}
ACTIVE = {
    "active": True,
    "grant": "g",
    "access": [QUOTE],
    "client": {"walletAddress": "http://c.test"},
}


class Server(IntrospectionServiceServicer):
    def __init__(self) -> None:
        self.requests: list[pb.IntrospectRequest] = []
        self.reply: dict[str, Any] = ACTIVE
        self.failure: grpc.StatusCode | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.watchers: list[asyncio.Queue[Any]] | None = []
        self.target = ""

    async def Introspect(self, request: pb.IntrospectRequest, context: Any) -> Any:  # noqa: N802 - the RPC's name
        self.requests.append(request)
        await self.gate.wait()
        if self.failure is not None:
            await context.abort(self.failure, "no")
        return ParseDict(self.reply, pb.IntrospectResponse())

    async def WatchRevocations(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - the RPC's name
        del request
        if self.watchers is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no")
            return
        notices: asyncio.Queue[Any] = asyncio.Queue()
        self.watchers.append(notices)
        yield pb.WatchRevocationsResponse(all=True)
        while (notice := await notices.get()) is not None:
            yield notice


@pytest.fixture
async def served() -> AsyncIterator[tuple[Server, grpc.aio.Channel]]:
    handler = Server()
    server = grpc.aio.server()
    add_IntrospectionServiceServicer_to_server(handler, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    handler.target = f"127.0.0.1:{port}"
    async with grpc.aio.insecure_channel(handler.target) as channel:
        yield handler, channel
    await server.stop(None)


Served = tuple[Server, grpc.aio.Channel]
