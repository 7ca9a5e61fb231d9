"""Random requests to the public edge of a running node: answered or refused, never a bug.

Envoy, backend and auth are real. Each run draws the same requests; FUZZ_REQUESTS asks for more of
them and FUZZ_SEED for others.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: each run draws the same requests
from typing import Any, Final

import pytest
from ilpkit.httpsig.sign import sign_request
from servicekit.clock import SystemClock
from servicekit.grpc_client import build_channel
from servicekit.lifecycle import Lifecycle

from deploy.envoy.settings import Address, EnvoySettings
from deploy.local.envoy import EnvoyServer
from services.auth.app import AuthApp
from services.auth.migrations.run import upgrade as upgrade_auth
from services.auth.settings import AuthSettings
from services.backend.app import BackendApp
from services.backend.settings import BackendSettings
from tests.integration.auth.wallets import Wallet, Wallets
from tests.integration.backend.admin.conftest import (
    ADMIN_SECRET,
    OPERATOR,
    World,
    auth_grpc_port,
    backend_database_url,
    outside,
    settings,
)
from tests.integration.backend.admin.outside import Outside
from tests.support.json_mutations import NAMES, VALUES, containers, places
from tests.support.postgres import TestPostgres, free_port, postgres_server
from tests.support.valkey import redis_url, valkey_server

__all__ = [
    "auth_grpc_port",
    "backend_database_url",
    "outside",
    "postgres_server",
    "redis_url",
    "settings",
    "valkey_server",
]

REQUESTS: Final = int(os.environ.get("FUZZ_REQUESTS", "200"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
CONCURRENT: Final = 8
ANSWER_TIMEOUT_S: Final = 15
METHODS: Final = ["GET", "GET", "GET", "HEAD", "POST", "POST", "DELETE", "PUT", "OPTIONS", "ODD"]
SEGMENTS: Final[list[bytes]] = [
    *(b"", b"alice", b"%00", b"%ff", b"%c3%a9", b"%ED%A0%80", b"\xc3\xa9", b"\xff", b"%", b"%zz"),
    *(b".", b"..", b"%2e%2e", b"%2F", b"a" * 5_000, b"{id}", b"*", b"a;b=c", b"jwks.json", b"ilp"),
    *(b"quotes", b"incoming-payments", b"outgoing-payments", b"outgoing-payment-grant"),
    *(b"complete", b"continue", b"token", b"interact", b"grant", b"finish", b"discovery"),
    *(str(OPERATOR).encode(), b"00000000-0000-0000-0000-000000000000", b"not-a-uuid"),
]
QUERIES: Final[list[bytes]] = [
    *(b"", b"", b"", b"?", b"?wallet-address=", b"?wallet-address=http://[::1", b"?first=0"),
    *(b"?wallet-address=%00", b"?wallet-address=%ff&first=1", b"?cursor=%ed%a0%80&last=2", b"?%00"),
    *(b"?first=99999999999999999999", b"?tenant_id=x", b"?a=b&a=b", b"?" + b"x" * 5_000, b"?=&&=%"),
]
HEADERS: Final[list[bytes]] = [
    *(b"authorization: GNAP", b"authorization: GNAP \xff\xfe", b"authorization: Bearer x"),
    *(b"authorization: GNAP " + b"t" * 5_000, b"signature: sig1=:AA==:", b"signature: %%%"),
    *(
        b"signature-input: sig1=();created=1",
        b"signature-input: \xff",
        b"content-digest: sha-512=:x:",
    ),
    *(
        b"idempotency-key: " + b"k" * 5_000,
        b"idempotency-key: \xc3\xa9",
        b"grpc-timeout: x",
        b"te: x",
    ),
    *(b"x-!#$%&'*+-.^_`|~: odd", b"a" * 5_000 + b": x", b"x-empty:", b"accept: text/html"),
    *(b"accept: application/spsp4+json", b"content-type: application/grpc", b"content-type: x/y"),
    *(b"content-type: application/octet-stream", b"expect: 100-continue", b"cookie: a=\xff"),
]
BODIES: Final[list[bytes]] = [
    *(b"", b"{}", b"[]", b"null", b"\x00", b"\xff\xfe", b'{"a":"\\ud800"}', b'{"a":"\\u0000"}'),
    *(b'{"a":1e999}', b"{" * 2_000, b'{"a":1,"a":2}', b'"' + b"x" * 9_000 + b'"'),
]
TEXTS: Final[list[Any]] = [
    *("\0", "a\0b", "\ud800", "a" * 5_000, "http://[::1", "http://\uff11/", "https://a:b@c/"),
    *(2**64, -1, 1e300, 2**53 + 1, "9" * 40, "R/0000-01-01T00:00:00Z/P1M", "\U0001f600"),
]


@dataclass
class Node:
    """A node behind its edge, a wallet address of it, and a client."""

    port: int
    address: str
    client: Wallet

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def send(
        self, method: str, target: bytes, headers: list[bytes], body: bytes
    ) -> tuple[int, bytes]:
        """The status and the bytes of the answer; 0 when the connection was ended without one."""
        length = [b"content-length: %d" % len(body)] if body or method == "POST" else []
        host = b"host: 127.0.0.1:%d" % self.port
        head = [b"%s %s HTTP/1.1" % (method.encode(), target), host, b"connection: close"]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(b"\r\n".join([*head, *length, *headers, b"", body]))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = (await reader.read()).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        except ConnectionError:
            return 0, b""
        finally:
            writer.close()
        return (int(answer.split(b" ", 2)[1]) if answer else 0), answer

    async def signed(
        self, method: str, path: str, body: bytes | None, token: str | None
    ) -> tuple[int, bytes]:
        sent = {"content-type": "application/json"}
        if token is not None:
            sent["authorization"] = f"GNAP {token}"
        added = sign_request(
            method=method,
            target_uri=self.origin + path,
            headers=sent,
            body=body,
            key_id=self.client.key_id,
            private_key=self.client.private_key,
            created=SystemClock().now_ms() // 1000,
        )
        lines = [
            f"{name}: {value}".encode()
            for name, value in {**sent, **added}.items()
            if name.lower() != "content-length"
        ]
        return await self.send(method, path.encode(), lines, body or b"")


@pytest.fixture
async def node(
    settings: BackendSettings,
    outside: Outside,
    auth_grpc_port: int,
    postgres_server: TestPostgres,
    tmp_path: Path,
) -> AsyncIterator[Node]:
    public, operator, admin, nobody = (Address("127.0.0.1", free_port()) for _ in range(4))
    origin = f"http://127.0.0.1:{public.port}"
    auth_url = postgres_server.create_database(postgres_server.template("auth", upgrade_auth))
    auth_settings = AuthSettings(
        AUTH_PORT=0,
        GRPC_PORT=auth_grpc_port,
        AUTH_DATABASE_URL=auth_url,
        REDIS_URL=settings.redis_url.get_secret_value(),
        AUTH_SERVER_URL=origin,
        COOKIE_KEY="a-cookie-key-for-tests",
        IDENTITY_SERVER_URL="http://idp.test/consent",
        IDENTITY_SERVER_SECRET="the-idp-secret-of-the-operator",
        NODE_ENV="test",
        OPERATOR_TENANT_ID=OPERATOR,
        ADMIN_API_SECRET=ADMIN_SECRET,
    )
    changed = settings.model_copy(
        update={"open_payments_url": origin, "auth_server_grant_url": origin}
    )
    clients = Wallets()
    await clients.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(clients.stop)
        auth = await AuthApp(settings=auth_settings).start(Lifecycle(stack))
        backend = await BackendApp(settings=changed).start(Lifecycle(stack))
        envoy = EnvoyServer(
            "envoy",
            EnvoySettings(
                public=public,
                operator=operator,
                admin=admin,
                backend_grpc=(Address("127.0.0.1", backend.grpc),),
                backend_http=(Address("127.0.0.1", backend.http),),
                auth_grpc=(Address("127.0.0.1", auth.grpc),),
                auth_http=(Address("127.0.0.1", auth.http),),
                frontend=(nobody,),
            ),
            tmp_path,
        )
        stack.callback(envoy.stop)
        await asyncio.to_thread(envoy.start)
        channel = build_channel(f"127.0.0.1:{backend.grpc}")
        stack.push_async_callback(channel.close)
        world = World(channel, None, outside)  # type: ignore[arg-type]  # reason: not read here
        asset = await world.asset()
        await world.deposit(asset.id, 1_000)
        address = str((await world.wallet(asset.id, "alice")).address)
        yield Node(public.port, address, clients.add("client"))


async def token_of(node: Node, kind: str) -> str:
    access = {"type": kind, "actions": ["create", "read"], "identifier": node.address}
    if kind == "quote":
        del access["identifier"]
    body = {"access_token": {"access": [access]}, "client": node.client.url}
    status, answer = await node.signed("POST", f"/{OPERATOR}", json.dumps(body).encode(), None)
    assert status == 200, answer
    found: str = json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"]["value"]
    return found


def changed(random: Random, body: Any) -> bytes:
    """The body after one to three changes, with what no client should send."""
    body = deepcopy(body)
    for _ in range(random.randint(1, 3)):
        value = deepcopy(random.choice([*VALUES, *TEXTS, *TEXTS]))
        found = places(body)
        if found and random.random() < 0.7:
            container, key = random.choice(found)
            container[key] = value
        else:
            container = random.choice(containers(body))
            if isinstance(container, dict):
                container[random.choice(NAMES)] = value
            else:
                container.append(value)
    return json.dumps(body).encode()


class Told:
    """What was answered."""

    def __init__(self) -> None:
        self.counts = Counter[int]()
        self.bugs: list[str] = []

    def take(self, asked: str, status: int, answer: bytes) -> None:
        self.counts[status] += 1
        # A receiver's bank that nobody reaches is named as the one that is away.
        away = status == HTTPStatus.SERVICE_UNAVAILABLE and b'"details":{"url":' in answer
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not away:
            self.bugs.append(f"{status} to {asked[:600]}: {answer[-300:]!r}")

    def show(self, what: str) -> None:
        answered = dict(sorted(self.counts.items()))
        print(f"{self.counts.total()} {what}: {answered}")  # noqa: T201 - for docs/EVIDENCE.md


async def test_no_request_line_header_or_body_meets_a_bug(node: Node) -> None:
    random = Random(SEED)  # noqa: S311 - for test data
    told, room = Told(), asyncio.Semaphore(CONCURRENT)

    async def ask(method: str, target: bytes, headers: list[bytes], body: bytes) -> None:
        async with room:
            status, answer = await node.send(method, target, headers, body)
        told.take(f"{method} {target!r} {headers!r} {body!r}", status, answer)

    asks = []
    for _ in range(REQUESTS):
        target = b"/" + b"/".join(random.choices(SEGMENTS, k=random.randint(1, 4)))
        headers = random.sample(HEADERS, k=random.randint(0, 3))
        method, body = random.choice(METHODS), b""
        if method not in ("GET", "HEAD"):
            body = random.choice(BODIES)
            headers.append(b"content-type: application/json")
        asks.append(ask(method, target + random.choice(QUERIES), headers, body))
    await asyncio.gather(*asks)
    told.show("requests that nobody signed")
    assert told.bugs == []
    assert (await node.send("GET", b"/alice", [], b""))[0] == 200


async def test_no_signed_body_meets_a_bug(node: Node) -> None:
    random = Random(SEED)  # noqa: S311 - for test data
    told, room = Told(), asyncio.Semaphore(CONCURRENT)
    amount = {"value": "5", "assetCode": "USD", "assetScale": 2}
    incoming, quote = await token_of(node, "incoming-payment"), await token_of(node, "quote")
    payment = {
        "walletAddress": node.address,
        "incomingAmount": amount,
        "metadata": {"a": {"b": 1}},
    }
    path = f"/{OPERATOR}/incoming-payments"
    status, answer = await node.signed("POST", path, json.dumps(payment).encode(), incoming)
    assert status == 201, answer
    receiver = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    access = {
        "type": "outgoing-payment",
        "actions": ["create", "read"],
        "identifier": node.address,
        "limits": {"debitAmount": amount, "interval": "R/2026-01-01T00:00:00Z/P1M"},
    }
    finish = {"method": "redirect", "uri": "http://client.test/done", "nonce": "n"}
    kinds: list[tuple[str, Any, str | None]] = [
        (path, payment, incoming),
        (
            f"/{OPERATOR}/quotes",
            {"walletAddress": node.address, "receiver": receiver, "method": "ilp"},
            quote,
        ),
        (
            f"/{OPERATOR}",
            {
                "access_token": {"access": [access]},
                "client": node.client.url,
                "interact": {"start": ["redirect"], "finish": finish},
            },
            None,
        ),
        ("/continue/x", {"interact_ref": "x"}, incoming),
    ]

    async def ask(path: str, body: bytes, token: str | None) -> None:
        async with room:
            status, answer = await node.signed("POST", path, body, token)
        told.take(f"{path} {body!r}", status, answer)

    asks = []
    for _ in range(REQUESTS):
        path, body, token = random.choice(kinds)
        asks.append(ask(path, changed(random, body), token))
    await asyncio.gather(*asks)
    told.show("signed bodies")
    assert told.bugs == []
    assert told.counts[200] + told.counts[201] > 0
