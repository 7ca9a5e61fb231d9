"""The world around a node: a webhook receiver, a rates service, an auth server, and the edge."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import grpc.aio
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from ilpkit.httpsig.keys import private_key_from_seed, public_jwk
from rafiki.introspection.v1 import introspection_service_pb2 as introspection
from rafiki.introspection.v1 import introspection_service_pb2_grpc as introspection_grpc
from rafiki.openpayments.v1 import incoming_payment_service_pb2 as incoming
from rafiki.openpayments.v1 import incoming_payment_service_pb2_grpc as incoming_grpc
from servicekit.verdict import NATIVE

REMOTE_TOKEN = "a-token-for-another-bank"
CLIENT_KEY_ID = "client-key"
CLIENT_KEY = private_key_from_seed(bytes(range(32)))
_REST = (("x-rafiki-rest", "1"), NATIVE.header())


@dataclass
class Posted:
    """One webhook as it was received."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.raw)
        return loaded


class Outside:
    """Webhooks, rates and client keys over real HTTP; tests change what it answers."""

    def __init__(self) -> None:
        self.origin = ""
        self.webhook_status: dict[str, int] = {}
        """Status by path; 200 where nothing is said."""
        self.attempts: list[Posted] = []
        self.taken: list[Posted] = []
        self.rates: dict[str, dict[str, str]] = {}
        self.rates_status = 200
        self.rates_asked = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/webhooks/{name}", self._webhook)
        app.router.add_get("/rates", self._rates)
        app.router.add_get("/client/jwks.json", self._keys)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def client(self) -> str:
        """The wallet address of a client whose key is CLIENT_KEY."""
        return f"{self.origin}/client"

    def types_of(self, payment_id: str) -> list[str]:
        """The events of a payment, in order; one that was delivered again counts once."""
        return [body["type"] for body in self._events() if body["data"]["id"] == payment_id]

    def event(self, kind: str, payment_id: str) -> dict[str, Any]:
        """The data of the one event of this kind about a payment."""
        (found,) = (
            body["data"]
            for body in self._events()
            if (body["type"], body["data"]["id"]) == (kind, payment_id)
        )
        data: dict[str, Any] = found
        return data

    def data_of(self, payment_id: str) -> list[dict[str, Any]]:
        """The data of all events about a payment, in order."""
        return [body["data"] for body in self._events() if body["data"]["id"] == payment_id]

    def ids_of(self, payment_id: str) -> list[str]:
        """The ids of all events about a payment, in order."""
        return [body["id"] for body in self._events() if body["data"]["id"] == payment_id]

    def _events(self) -> list[dict[str, Any]]:
        return list({posted.body["id"]: posted.body for posted in self.taken}.values())

    async def _webhook(self, request: web.Request) -> web.Response:
        posted = Posted(dict(request.headers), await request.read())
        self.attempts.append(posted)
        status = self.webhook_status.get(request.match_info["name"], 200)
        if status == 200:
            self.taken.append(posted)
        return web.Response(status=status)

    async def _rates(self, request: web.Request) -> web.Response:
        self.rates_asked += 1
        base = request.query["base"]
        rates = {code: float(rate) for code, rate in self.rates.get(base, {}).items()}
        return web.json_response({"base": base, "rates": rates}, status=self.rates_status)

    async def _keys(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"keys": [public_jwk(CLIENT_KEY, kid=CLIENT_KEY_ID)]})


DOWN: Final = 503, b""
"""What an edge says when its node is away."""


class Edge:
    """What stands before a node: REST to gRPC for incoming payments, and grants for everyone."""

    def __init__(self) -> None:
        self.origin = ""
        self.says: tuple[int, bytes] | None = None
        """What is answered to reads of incoming payments, whatever the node would say."""
        self.token = REMOTE_TOKEN
        self.grants = 0
        self.reads = 0
        self._channels: list[grpc.aio.Channel] = []
        """Where it leads: to the node's process that started last and still runs."""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{tenant}/incoming-payments/{id}", self._payment)
        app.router.add_post("/auth", self._grant)
        app.router.add_post("/auth/{tenant}", self._grant)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def lead_to(self, channel: grpc.aio.Channel) -> None:
        self._channels.append(channel)

    def lead_away_from(self, channel: grpc.aio.Channel) -> None:
        self._channels.remove(channel)

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _grant(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.grants += 1
        token = {
            "value": self.token,
            "manage": f"{self.origin}/auth/token/1",
            "expires_in": 600,
            "access": asked["access_token"]["access"],
        }
        more = {"uri": f"{self.origin}/auth/continue/1", "access_token": {"value": "c"}}
        return web.json_response({"access_token": token, "continue": more})

    async def _payment(self, request: web.Request) -> web.Response:
        self.reads += 1
        status, body = self.says or DOWN
        if self.says or not self._channels:
            return web.Response(status=status, body=body)
        names: dict[str, str] = {
            "tenant_id": request.match_info["tenant"],
            "id": request.match_info["id"],
        }
        channel = self._channels[-1]
        authorization = request.headers.get("authorization")
        call: Any
        if authorization is None:
            public: Any = incoming_grpc.PublicIncomingPaymentServiceStub(channel)
            call = public.GetPublicIncomingPayment(
                incoming.GetPublicIncomingPaymentRequest(**names), metadata=_REST
            )
        elif authorization == f"GNAP {self.token}":
            full: Any = incoming_grpc.IncomingPaymentServiceStub(channel)
            call = full.GetIncomingPayment(
                incoming.GetIncomingPaymentRequest(**names), metadata=_REST
            )
        else:
            return web.Response(status=401)
        try:
            reply = await call
        except grpc.aio.AioRpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            return web.Response(status=int(str(trailers["x-http-status"])))
        return web.json_response(MessageToDict(reply, always_print_fields_with_no_presence=True))


@dataclass
class Tokens(introspection_grpc.IntrospectionServiceServicer):
    """An authorization server's introspection: what each token allows."""

    known: dict[str, introspection.IntrospectResponse] = field(default_factory=dict)
    asked: list[introspection.IntrospectRequest] = field(default_factory=list)
    notices: asyncio.Queue[introspection.WatchRevocationsResponse] | None = None

    async def WatchRevocations(  # noqa: N802 - gRPC's name
        self, request: object, context: Any
    ) -> AsyncIterator[introspection.WatchRevocationsResponse]:
        """A server that does not tell them, unless a test lets it."""
        del request
        if self.notices is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not told here")
            return
        yield introspection.WatchRevocationsResponse(all=True)
        while True:
            yield await self.notices.get()

    async def Introspect(  # noqa: N802 - gRPC's name
        self, request: introspection.IntrospectRequest, context: object
    ) -> introspection.IntrospectResponse:
        del context
        self.asked.append(request)
        known = self.known.get(request.access_token)
        if known is None or not known.active:
            return introspection.IntrospectResponse(active=False)
        reply = introspection.IntrospectResponse()
        reply.CopyFrom(known)
        del reply.access[:]
        reply.access.extend(
            item
            for item in known.access
            if not request.access or any(_covers(item, a) for a in request.access)
        )
        return reply


def _covers(item: introspection.Access, asked: introspection.Access) -> bool:
    granted = set(item.actions) | {action.removesuffix("-all") for action in item.actions}
    anyone = not (asked.HasField("identifier") and item.HasField("identifier"))
    return (
        item.type == asked.type
        and granted >= set(asked.actions)
        and (anyone or asked.identifier == item.identifier)
    )


class AuthServer:
    """A gRPC server that offers introspection."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.target = ""

    async def start(self) -> None:
        self._server = grpc.aio.server()
        introspection_grpc.add_IntrospectionServiceServicer_to_server(self.tokens, self._server)
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def give(
        self,
        token: str,
        *,
        access: Iterable[introspection.Access],
        client: introspection.Client,
        grant: str = "grant-1",
    ) -> None:
        """Let a token be active."""
        self.tokens.known[token] = introspection.IntrospectResponse(
            active=True, grant=grant, access=access, client=client
        )
