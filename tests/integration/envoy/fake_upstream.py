"""What stands behind Envoy in these tests: servicers, guards and pages that keep what they got.

A servicer answers as its test told it to, and keeps the last request and its metadata.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from aiohttp import web
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from rafiki.grant.v1 import grant_service_pb2, interaction_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    outgoing_payment_service_pb2,
    quote_service_pb2,
    wallet_address_service_pb2,
)
from servicekit import rest
from servicekit.errors import ServiceError

BACKEND_SERVICES = (
    *incoming_payment_service_pb2.DESCRIPTOR.services_by_name.values(),
    *quote_service_pb2.DESCRIPTOR.services_by_name.values(),
    *outgoing_payment_service_pb2.DESCRIPTOR.services_by_name.values(),
    *wallet_address_service_pb2.DESCRIPTOR.services_by_name.values(),
)
AUTH_SERVICES = (
    *grant_service_pb2.DESCRIPTOR.services_by_name.values(),
    *interaction_service_pb2.DESCRIPTOR.services_by_name.values(),
    *introspection_service_pb2.DESCRIPTOR.services_by_name.values(),
)


@dataclass
class Call:
    """An RPC that arrived."""

    method: str
    request: Any
    metadata: dict[str, str]
    worker: int


@dataclass
class Script:
    """How the next RPCs are answered."""

    reply: Message | None = None
    status: int = 200
    error: ServiceError | None = None
    bare_error: grpc.StatusCode | None = None
    hang: bool = False


@dataclass
class GuardCall:
    """What a guard was asked."""

    guard: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Verdict:
    """What a guard answers."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class Upstream:
    """Both services' gRPC and HTTP ports, on an event loop in a thread of its own."""

    def __init__(self, workers: int) -> None:
        self.script = Script()
        self.verdict = Verdict()
        self.calls: list[Call] = []
        self.guard_calls: list[GuardCall] = []
        self.backend_grpc: list[int] = []
        self.auth_grpc: list[int] = []
        self.http: dict[str, list[int]] = {"backend": [], "auth": [], "frontend": []}
        self.health_checks: Counter[int] = Counter()
        """How often each HTTP port was asked whether its worker takes calls."""
        self.frozen: set[int] = set()
        """Ports of workers that accept everything and answer nothing."""
        self._workers = workers
        self._servers: dict[int, grpc.aio.Server] = {}
        self._runners: list[web.AppRunner] = []
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def reset(self) -> None:
        self.script, self.verdict = Script(), Verdict()
        self.calls.clear()
        self.guard_calls.clear()

    def start(self) -> None:
        self._thread.start()
        self._wait(asyncio.run_coroutine_threadsafe(self._start(), self._loop))

    def stop(self) -> None:
        self._wait(asyncio.run_coroutine_threadsafe(self._stop(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stop_worker(self, port: int) -> None:
        """End one gRPC worker."""
        server = self._servers.pop(port)
        self._wait(asyncio.run_coroutine_threadsafe(server.stop(0), self._loop))

    def freeze(self, worker: int) -> tuple[int, int]:
        """Let one of the backend's workers answer nothing; gives its ports, gRPC and HTTP."""
        ports = self.backend_grpc[worker], self.http["backend"][worker]
        self.frozen.update(ports)
        return ports

    def _wait(self, future: Future[None]) -> None:
        future.result(timeout=20)

    async def _start(self) -> None:
        for _ in range(self._workers):
            self.backend_grpc.append(await self._serve(BACKEND_SERVICES))
            self.http["backend"].append(await self._serve_http("backend"))
        self.auth_grpc.append(await self._serve(AUTH_SERVICES))
        for name in ("auth", "frontend"):
            self.http[name].append(await self._serve_http(name))

    async def _stop(self) -> None:
        self._ending.set()
        for server in self._servers.values():
            await server.stop(0)
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(self, services: tuple[ServiceDescriptor, ...]) -> int:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        port = server.add_insecure_port("127.0.0.1:0")
        for service in services:
            handlers: dict[str, Any] = {
                method.name: grpc.unary_unary_rpc_method_handler(
                    self._handler(f"{service.name}.{method.name}", port, method.output_type),
                    request_deserializer=GetMessageClass(method.input_type).FromString,
                    response_serializer=lambda message: message.SerializeToString(),
                )
                for method in service.methods
            }
            generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
            server.add_generic_rpc_handlers((generic,))
        await server.start()
        self._servers[port] = server
        return port

    def _handler(self, name: str, worker: int, output: Any) -> Callable[[Any, Any], Any]:
        async def handle(request: Any, context: Any) -> Message:
            metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
            self.calls.append(Call(name, request, metadata, worker))
            script = self.script
            if script.hang or worker in self.frozen:
                await self._ending.wait()
            if script.error is not None:
                trailers = rest.error_metadata(script.error, rest.open_payments_error)
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no", trailers)
            if script.bare_error is not None:
                await context.abort(script.bare_error, "an inner detail")
            if script.status != 200:
                await rest.set_status(context, script.status)
            return GetMessageClass(output)() if script.reply is None else script.reply

        return handle

    async def _serve_http(self, name: str) -> int:
        port = 0

        async def answer(request: web.Request) -> web.Response:
            body = await request.read()
            target = request.raw_path
            if target == "/livez":
                self.health_checks[port] += 1
            if port in self.frozen:
                await self._ending.wait()
            if target == "/livez":
                return web.Response()
            if not target.startswith("/guard"):
                return web.json_response(
                    {"server": name, "target": target, "headers": dict(request.headers)},
                    status=200,
                    headers={"x-echo-body": body.hex()},
                )
            headers = {key.lower(): value for key, value in request.headers.items()}
            self.guard_calls.append(
                GuardCall(name, request.method, target.removeprefix("/guard"), headers, body)
            )
            verdict = self.verdict
            return web.Response(status=verdict.status, headers=verdict.headers, text=verdict.body)

        application = web.Application(client_max_size=10_000_000)
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = int(runner.addresses[0][1])
        return port
