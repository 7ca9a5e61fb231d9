"""What clients rely on of an authorization server's GNAP endpoint, over HTTP and nothing else.

    export AUTH_SERVER_URL=https://auth.example/tenant AUTH_SERVER_IDENTIFIER=https://wallet.example/a
    pytest tests/conformance/auth_server/test_given.py

The client is a wallet address that the suite serves on this machine: the server must reach it.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.httpsig.keys import private_key_from_seed
from ilpkit.httpsig.sign import sign_request
from servicekit.clock import SystemClock

from tests.integration.auth.wallets import Wallet
from tests.support.openapi import response_judge

SOMEBODY_ELSE = private_key_from_seed(bytes([77]) * 32)


def judge(path: str, method: str, status: int, body: Any) -> None:
    """The published contract's verdict on an answer."""
    response_judge("1.3.0", "auth-server", path, method, str(status)).validate(body)


@dataclass(frozen=True, kw_only=True)
class GnapServer:
    """The server under test, and the client that asks it."""

    endpoint: str
    """Where grants are asked for."""
    identifier: str
    """A wallet address that it gives grants for."""
    client: Wallet
    http: aiohttp.ClientSession
    is_active: Callable[[str], Awaitable[bool]]
    """Whether introspection says that a token is active."""

    def incoming(self) -> dict[str, Any]:
        return self.asking("incoming-payment", ["create", "read"])

    def asking(self, kind: str, actions: list[str], **members: Any) -> dict[str, Any]:
        item = {"type": kind, "actions": actions, "identifier": self.identifier}
        return {"client": self.client.url, "access_token": {"access": [item]}, **members}

    async def call(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        token: str | None = None,
        key: Ed25519PrivateKey | None = None,
        is_signed: bool = True,
    ) -> tuple[int, Any]:
        raw = None if body is None else json.dumps(body).encode()
        headers = {} if raw is None else {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = f"GNAP {token}"
        if is_signed:
            headers |= sign_request(
                method=method,
                target_uri=url,
                headers=headers,
                body=raw,
                key_id=self.client.key_id,
                private_key=key or self.client.private_key,
                created=SystemClock().now_ms() // 1000,
            )
        async with self.http.request(method, url, data=raw, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None


class GrantSuite:
    """Needs a fixture `gnap`."""

    async def test_a_client_gets_rotates_and_revokes_its_token(self, gnap: GnapServer) -> None:
        status, grant = await gnap.call("POST", gnap.endpoint, body=gnap.incoming())
        assert status == 200, grant
        judge("/", "post", 200, grant)
        first = grant["access_token"]
        assert first["access"] == gnap.incoming()["access_token"]["access"]
        assert await gnap.is_active(first["value"])

        status, rotated = await gnap.call("POST", first["manage"], token=first["value"])
        assert status == 200, rotated
        judge("/token/{id}", "post", 200, rotated)
        second = rotated["access_token"]
        assert second["value"] != first["value"]
        assert not await gnap.is_active(first["value"])
        assert await gnap.is_active(second["value"])

        revoked = await gnap.call("DELETE", second["manage"], token=second["value"])
        assert revoked == (204, None)
        assert not await gnap.is_active(second["value"])
        status, refused = await gnap.call("DELETE", second["manage"], token=second["value"])
        assert status in (401, 404)
        assert refused["error"]["code"]

    async def test_a_cancelled_grant_ends_its_token(self, gnap: GnapServer) -> None:
        _, grant = await gnap.call("POST", gnap.endpoint, body=gnap.incoming())
        continuation = grant["continue"]
        token = continuation["access_token"]["value"]
        cancelled = await gnap.call("DELETE", continuation["uri"], token=token)
        assert cancelled == (204, None)
        assert not await gnap.is_active(grant["access_token"]["value"])
        status, refused = await gnap.call("DELETE", continuation["uri"], token=token)
        assert status == 404
        judge("/continue/{id}", "delete", 404, refused)

    async def test_only_who_proves_to_be_the_client_is_answered(self, gnap: GnapServer) -> None:
        for proof in ({"is_signed": False}, {"key": SOMEBODY_ELSE}):
            status, refused = await gnap.call("POST", gnap.endpoint, body=gnap.incoming(), **proof)
            assert status == 401, proof
            judge("/", "post", 401, refused)
            assert refused["error"]["code"] == "invalid_client"
        _, grant = await gnap.call("POST", gnap.endpoint, body=gnap.incoming())
        token, continuation = grant["access_token"], grant["continue"]
        for method, url, shown in (
            ("POST", token["manage"], token["value"]),
            ("DELETE", token["manage"], token["value"]),
            ("DELETE", continuation["uri"], continuation["access_token"]["value"]),
        ):
            for proof in ({"is_signed": False}, {"key": SOMEBODY_ELSE}):
                status, _ = await gnap.call(method, url, token=shown, **proof)
                assert status == 401, (method, url, proof)
        for method, url in (("POST", token["manage"]), ("DELETE", continuation["uri"])):
            status, _ = await gnap.call(method, url, token="WRONG")
            assert status == 401, (method, url)
        assert await gnap.is_active(token["value"])

    async def test_a_user_is_asked_before_money_may_be_sent(self, gnap: GnapServer) -> None:
        asking = gnap.asking("outgoing-payment", ["create", "read"])
        status, refused = await gnap.call("POST", gnap.endpoint, body=asking)
        assert status == 400, "it needs a user, and the client can't bring one"
        judge("/", "post", 400, refused)
        finish = {"method": "redirect", "uri": "https://shop.example/done", "nonce": "n"}
        asking["interact"] = {"start": ["redirect"], "finish": finish}
        status, pending = await gnap.call("POST", gnap.endpoint, body=asking)
        assert status == 200, pending
        judge("/", "post", 200, pending)
        assert "access_token" not in pending
        assert pending["interact"]["redirect"].startswith("http")
        continuation = pending["continue"]
        status, _ = await gnap.call(
            "POST",
            continuation["uri"],
            body={"interact_ref": "guessed"},
            token=continuation["access_token"]["value"],
        )
        assert status in (400, 401, 404)

    async def test_what_is_no_request_is_refused(self, gnap: GnapServer) -> None:
        for body in (
            {},
            {"client": gnap.client.url},
            gnap.asking("castles", ["storm"]),
            gnap.asking("incoming-payment", []),
            gnap.asking("incoming-payment", ["storm"]),
        ):
            status, refused = await gnap.call("POST", gnap.endpoint, body=body)
            assert status == 400, body
            judge("/", "post", 400, refused)
