"""The outside world of the tests: a rates service, a webhook receiver and another bank."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "a-token-of-the-other-bank"


@dataclass
class Outside:
    """One server on loopback; tests change what it answers."""

    rates: dict[str, dict[str, str]] = field(default_factory=dict)
    webhook_status: int = 200
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    completions: int = 0
    grants: int = 0
    says: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Status and body by path, instead of what is right."""
    origin: str = ""

    async def start(self) -> None:
        app = web.Application(middlewares=[self._misbehave])
        app.router.add_get("/rates", self._rates)
        app.router.add_post("/webhooks", self._webhook)
        app.router.add_get("/bank/alice", self._wallet_address)
        app.router.add_post("/bank/auth", self._grant)
        app.router.add_post("/bank/op/incoming-payments", self._create)
        app.router.add_get("/bank/op/incoming-payments/{id}", self._get)
        app.router.add_post("/bank/op/incoming-payments/{id}/complete", self._complete)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def wallet(self) -> str:
        return f"{self.origin}/bank/alice"

    def types(self, resource_id: str) -> list[str]:
        """The events that were delivered for a payment, in order."""
        return [hook["type"] for hook in self.webhooks if hook["data"]["id"] == resource_id]

    @web.middleware
    async def _misbehave(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if (said := self.says.get(request.path)) is None:
            return await handler(request)
        status, body = said
        return web.Response(status=status, body=body)

    async def _rates(self, request: web.Request) -> web.Response:
        base = request.query["base"]
        return web.json_response({"base": base, "rates": self.rates.get(base, {})})

    async def _webhook(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        if self.webhook_status == 200:
            self.webhooks.append(body)
        return web.Response(status=self.webhook_status)

    async def _wallet_address(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(
            {
                "id": self.wallet,
                "assetCode": "USD",
                "assetScale": 2,
                "authServer": f"{self.origin}/bank/auth",
                "resourceServer": f"{self.origin}/bank/op",
            }
        )

    async def _grant(self, request: web.Request) -> web.Response:
        self.grants += 1
        asked = json.loads(await request.read())["access_token"]["access"]
        token = {"value": TOKEN, "manage": f"{self.origin}/bank/token/1", "access": asked}
        proceed = {"access_token": {"value": "c"}, "uri": f"{self.origin}/bank/continue/1"}
        return web.json_response({"access_token": token, "continue": proceed})

    async def _create(self, request: web.Request) -> web.Response:
        self._check_token(request)
        body = json.loads(await request.read())
        url = f"{self.origin}/bank/op/incoming-payments/{len(self.payments)}"
        self.payments[url] = {
            "id": url,
            "walletAddress": body["walletAddress"],
            "completed": False,
            "receivedAmount": {"value": "0", "assetCode": "USD", "assetScale": 2},
            "createdAt": "2030-01-01T00:00:00.000Z",
            "methods": [
                {
                    "type": "ilp",
                    "ilpAddress": "test.other.alice",
                    "sharedSecret": "A" * 43,
                }
            ],
        } | {k: v for k, v in body.items() if k in {"incomingAmount", "metadata", "expiresAt"}}
        await asyncio.sleep(0)
        return web.json_response(self.payments[url], status=201)

    async def _get(self, request: web.Request) -> web.Response:
        payment = self._found(request)
        if "authorization" not in request.headers:
            return web.json_response(
                {
                    "receivedAmount": payment["receivedAmount"],
                    "authServer": f"{self.origin}/bank/auth",
                }
            )
        self._check_token(request)
        return web.json_response(payment)

    async def _complete(self, request: web.Request) -> web.Response:
        self._check_token(request)
        payment = self._found(request)
        if payment["completed"]:
            return web.Response(status=409)
        self.completions += 1
        payment["completed"] = True
        return web.json_response({k: v for k, v in payment.items() if k != "methods"})

    def _found(self, request: web.Request) -> dict[str, Any]:
        url = f"{self.origin}{request.path.removesuffix('/complete')}"
        if url not in self.payments:
            raise web.HTTPNotFound
        return self.payments[url]

    @staticmethod
    def _check_token(request: web.Request) -> None:
        if request.headers.get("authorization") != f"GNAP {TOKEN}":
            raise web.HTTPUnauthorized
