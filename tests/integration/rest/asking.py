"""A running node's public edge, asked by a client of it, and a tally of what it answered."""

import asyncio
import json
import os
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from ilpkit.httpsig.sign import sign_request
from servicekit.clock import SystemClock

from tests.integration.auth.wallets import Wallet
from tests.integration.backend.admin.conftest import OPERATOR

SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
CONCURRENT: Final = 8
ANSWER_TIMEOUT_S: Final = 15
PAGE: Final = "http://pages.test/pay?to=%ewa&pointer=%wp"
"""Where the node sends browsers from a wallet address."""


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


async def token_of(node: Node, kind: str) -> str:
    access = {"type": kind, "actions": ["create", "read"], "identifier": node.address}
    if kind == "quote":
        del access["identifier"]
    body = {"access_token": {"access": [access]}, "client": node.client.url}
    status, answer = await node.signed("POST", f"/{OPERATOR}", json.dumps(body).encode(), None)
    assert status == 200, answer
    found: str = json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"]["value"]
    return found


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
