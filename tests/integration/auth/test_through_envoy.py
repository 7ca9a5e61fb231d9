"""The auth service behind a real Envoy: what a client sees, from its first request to its last."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ilpkit.httpsig.sign import sign_request
from servicekit.clock import SystemClock
from servicekit.lifecycle import Lifecycle

from deploy.envoy.settings import Address, EnvoySettings
from deploy.local.envoy import EnvoyServer
from services.auth.app import AuthApp
from services.auth.settings import AuthSettings
from tests.integration.auth.conftest import FINISH, IDP_SECRET, INCOMING, OUTGOING, TENANT, query_of
from tests.integration.auth.wallets import Wallet, Wallets
from tests.support.npm import install_packages
from tests.support.openapi import response_judge
from tests.support.postgres import free_port

NPM_CLIENT = Path(__file__).resolve().parents[3] / "clients/token-introspection/typescript"


@dataclass
class Node:
    public: str
    operator: str
    http: aiohttp.ClientSession
    client: Wallet

    async def call(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """A signed request; an absolute URL is used as the server gave it."""
        target = url if url.startswith("http") else self.public + url
        raw = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        if token is not None:
            sent["authorization"] = f"GNAP {token}"
        added = sign_request(
            method=method,
            target_uri=target,
            headers=sent,
            body=raw,
            key_id=self.client.key_id,
            private_key=self.client.private_key,
            created=SystemClock().now_ms() // 1000,
        )
        return await self.send(method, target, raw, {**sent, **added})

    async def send(
        self, method: str, url: str, raw: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        async with self.http.request(
            method, url, data=raw, headers=headers, allow_redirects=False
        ) as response:
            text = await response.text()
            if response.status == 302:
                return 302, response.headers
            return response.status, json.loads(text) if text else None


@pytest.fixture
async def node(settings: AuthSettings, tmp_path: Path) -> AsyncIterator[Node]:
    public, operator, admin, nobody = (Address("127.0.0.1", free_port()) for _ in range(4))
    origin = f"http://127.0.0.1:{public.port}"
    wallets = Wallets()
    await wallets.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(wallets.stop)
        changed = settings.model_copy(update={"auth_server_url": origin, "wait_seconds": 0})
        ports = await AuthApp(settings=changed).start(Lifecycle(stack))
        envoy = EnvoyServer(
            "envoy",
            EnvoySettings(
                public=public,
                operator=operator,
                admin=admin,
                backend_grpc=(nobody,),
                backend_http=(nobody,),
                frontend=(nobody,),
                auth_grpc=(Address("127.0.0.1", ports.grpc),),
                auth_http=(Address("127.0.0.1", ports.http),),
            ),
            tmp_path,
        )
        stack.callback(envoy.stop)
        await asyncio.to_thread(envoy.start)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        )
        yield Node(origin, f"http://127.0.0.1:{operator.port}", http, wallets.add("client"))


def check(path: str, method: str, status: int, body: Any) -> None:
    response_judge("1.3.0", "auth-server", path, method, str(status)).validate(body)


async def test_a_whole_flow(node: Node) -> None:
    request = {
        "client": node.client.url,
        "access_token": {"access": [OUTGOING, INCOMING]},
        "interact": {"start": ["redirect"], "finish": FINISH},
    }
    status, pending = await node.call("POST", f"/{TENANT}", body=request)
    assert status == 200, pending
    check("/", "post", 200, pending)

    status, headers = await node.send("GET", pending["interact"]["redirect"], None, {})
    assert status == 302
    asked = query_of(headers["location"])
    secret = {"x-idp-secret": IDP_SECRET}
    grant = f"{node.operator}/grant/{asked['interactId']}/{asked['nonce']}"
    status, shown = await node.send("GET", grant, None, secret)
    assert (status, shown["access"]) == (200, [OUTGOING, INCOMING])
    status, _ = await node.send("POST", f"{grant}/accept", None, secret)
    assert status == 202
    finish = f"{node.public}/interact/{asked['interactId']}/{asked['nonce']}/finish"
    status, headers = await node.send("GET", finish, None, {})
    assert status == 302

    continuation = pending["continue"]
    status, issued = await node.call(
        "POST",
        continuation["uri"],
        body={"interact_ref": query_of(headers["location"])["interact_ref"]},
        token=continuation["access_token"]["value"],
    )
    assert status == 200, issued
    check("/continue/{id}", "post", 200, issued)
    assert issued["access_token"]["access"] == [OUTGOING, INCOMING]

    token = issued["access_token"]
    status, rotated = await node.call("POST", token["manage"], token=token["value"])
    assert status == 200, rotated
    check("/token/{id}", "post", 200, rotated)
    token = rotated["access_token"]
    introspect = f"{node.operator}/introspect"
    json_type = {"content-type": "application/json"}
    body = json.dumps({"access_token": token["value"]}).encode()
    status, found = await node.send("POST", introspect, body, json_type)
    assert (status, found["active"], found["client"]) == (
        200,
        True,
        {"walletAddress": node.client.url},
    )
    assert await node.call("DELETE", token["manage"], token=token["value"]) == (204, None)
    status, found = await node.send("POST", introspect, body, json_type)
    assert (status, found["active"]) == (200, False)
    cancelled = await node.call(
        "DELETE", continuation["uri"], token=continuation["access_token"]["value"]
    )
    assert cancelled == (204, None)


async def test_refusals_have_gnaps_shape_whoever_makes_them(node: Node) -> None:
    request = {"client": node.client.url, "access_token": {"access": [OUTGOING]}}
    status, refused = await node.call("POST", f"/{TENANT}", body=request)
    assert (status, refused["error"]["code"]) == (400, "invalid_request")
    check("/", "post", 400, refused)
    unknown = {**request, "idempotencyKey": "k"}
    status, refused = await node.call("POST", f"/{TENANT}", body=unknown)
    assert (status, refused["error"]["code"]) == (400, "invalid_request")
    assert "idempotencyKey" in refused["error"]["description"]
    raw = json.dumps(request).encode()
    status, refused = await node.send(
        "POST", f"{node.public}/{TENANT}", raw, {"content-type": "application/json"}
    )
    assert (status, refused["error"]["code"]) == (401, "invalid_client")
    check("/", "post", 401, refused)


async def test_a_forged_verdict_does_not_count(node: Node) -> None:
    granted = {"client": node.client.url, "access_token": {"access": [INCOMING]}}
    status, grant = await node.call("POST", f"/{TENANT}", body=granted)
    assert status == 200
    token = grant["continue"]["access_token"]["value"]
    forged = {
        "authorization": f"GNAP {token}",
        "x-rafiki-verdict": "{}",
        "x-rafiki-rest": "1",
    }
    status, refused = await node.send("DELETE", grant["continue"]["uri"], None, forged)
    assert (status, refused["error"]["code"]) == (401, "invalid_client")


async def test_a_rest_call_is_repeated_under_its_key(node: Node) -> None:
    body = {"client": node.client.url, "access_token": {"access": [INCOMING]}}
    key = {"idempotency-key": "again"}
    first = await node.call("POST", f"/{TENANT}", body=body, headers=key)
    assert first[0] == 200
    assert await node.call("POST", f"/{TENANT}", body=body, headers=key) == first


async def test_the_npm_client_asks_what_a_token_allows(node: Node) -> None:
    """Its own tests run too: they need nothing of ours."""
    await asyncio.to_thread(install_packages, NPM_CLIENT)
    body = {"client": node.client.url, "access_token": {"access": [INCOMING]}}
    status, grant = await node.call("POST", f"/{TENANT}", body=body)
    assert status == 200
    server = {
        "AUTH_SERVER_URL": f"{node.operator}/introspect",
        "AUTH_SERVER_TOKEN": grant["access_token"]["value"],
    }
    for command in (("npm", "run", "--silent", "build"), ("npm", "test", "--silent")):
        program = await asyncio.create_subprocess_exec(
            *command,
            cwd=NPM_CLIENT,
            env={**os.environ, **server},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await program.communicate()
        assert program.returncode == 0, printed.decode()
    assert "# skipped 0" in printed.decode()
