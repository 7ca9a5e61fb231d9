"""The way of a request through the edge, as Envoy does it: guard first, then the transcoder.

What the transcoder prints is printed here by the same rules: contract names, uint64 as text,
primitives and lists without presence even when empty, absent messages and optionals not at all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from ilpkit.httpsig.sign import sign_request
from rafiki.grant.v1 import (
    grant_admin_service_pb2_grpc,
    grant_service_pb2,
    grant_service_pb2_grpc,
    interaction_service_pb2,
    interaction_service_pb2_grpc,
)
from rafiki.introspection.v1 import introspection_service_pb2_grpc
from servicekit.clock import Clock

from tests.integration.auth.wallets import Wallet

PUBLIC_URL = "http://auth.test"


@dataclass
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


def as_envoy_prints(message: Message) -> Any:
    return MessageToDict(message, always_print_fields_with_no_presence=True)


class Edge:
    """A client's view of one auth process."""

    def __init__(self, *, http_port: int, grpc_port: int, clock: Clock) -> None:
        self.origin = f"http://127.0.0.1:{http_port}"
        self.clock = clock
        self.grpc_port = grpc_port
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}")
        self.grants: Any = grant_service_pb2_grpc.GrantServiceStub(self.channel)
        self.interactions: Any = interaction_service_pb2_grpc.InteractionServiceStub(self.channel)
        self.admin: Any = grant_admin_service_pb2_grpc.GrantAdminServiceStub(self.channel)
        self.introspection: Any = introspection_service_pb2_grpc.IntrospectionServiceStub(
            self.channel
        )
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        await self.http.close()
        await self.channel.close()

    def signed_headers(
        self,
        method: str,
        path: str,
        *,
        key_id: str,
        private_key: Ed25519PrivateKey,
        body: bytes | None = None,
        token: str | None = None,
    ) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = f"GNAP {token}"
        added = sign_request(
            method=method,
            target_uri=PUBLIC_URL + path,
            headers=headers,
            body=body,
            key_id=key_id,
            private_key=private_key,
            created=self.clock.now_ms() // 1000,
        )
        return {**headers, **added}

    async def call(
        self,
        method: str,
        path: str,
        wallet: Wallet,
        *,
        body: Any = None,
        token: str | None = None,
    ) -> Reply:
        """A signed request of a well-behaved client."""
        raw = None if body is None else json.dumps(body).encode()
        headers = self.signed_headers(
            method,
            path,
            key_id=wallet.key_id,
            private_key=wallet.private_key,
            body=raw,
            token=token,
        )
        return await self.send(method, path, headers, raw)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes | None
    ) -> Reply:
        """Any request: the guard's refusal, or what the service answers."""
        async with self.http.request(
            method, f"{self.origin}/guard{path}", headers=headers, data=raw
        ) as checked:
            if checked.status != 200:
                return Reply(checked.status, await checked.json(), checked.headers)
            verdict = [(k.lower(), v) for k, v in checked.headers.items() if k.startswith("x-")]
        metadata = [("x-rafiki-rest", "1"), *verdict]
        if "authorization" in headers:
            metadata.append(("authorization", headers["authorization"]))
        if "idempotency-key" in headers:
            metadata.append(("idempotency-key", headers["idempotency-key"]))
        return await self.transcode(method, path, json.loads(raw) if raw else {}, metadata)

    async def transcode(
        self, method: str, path: str, body: Any, metadata: list[tuple[str, str]]
    ) -> Reply:
        first, *rest = urlsplit(path).path.strip("/").split("/")
        pb = grant_service_pb2
        rpc, request = {
            ("continue", "POST"): (self.grants.ContinueGrant, pb.ContinueGrantRequest),
            ("continue", "DELETE"): (self.grants.CancelGrant, pb.CancelGrantRequest),
            ("token", "POST"): (self.grants.RotateToken, pb.RotateTokenRequest),
            ("token", "DELETE"): (self.grants.RevokeToken, pb.RevokeTokenRequest),
        }.get((first, method), (self.grants.RequestGrant, pb.RequestGrantRequest))
        message = request()
        ParseDict(body, message, ignore_unknown_fields=True)
        if rest:
            message.id = rest[0]
        else:
            message.tenant_id = first
        return await self._rest(rpc, message, metadata)

    async def idp(self, action: str, interaction: str, *, secret: str | None) -> Reply:
        """What an identity provider asks: action is get, accept or reject."""
        interaction_id, nonce = interaction.split("/")
        pb = interaction_service_pb2
        rpc, request = {
            "get": (self.interactions.GetInteraction, pb.GetInteractionRequest),
            "accept": (self.interactions.AcceptInteraction, pb.AcceptInteractionRequest),
            "reject": (self.interactions.RejectInteraction, pb.RejectInteractionRequest),
        }[action]
        metadata = [("x-rafiki-rest", "1")]
        if secret is not None:
            metadata.append(("x-idp-secret", secret))
        return await self._rest(rpc, request(id=interaction_id, nonce=nonce), metadata)

    async def browse(self, url: str, *, cookie: str | None = None, accept: str = "*/*") -> Reply:
        """What a browser does with one URL of this server; redirects are not followed."""
        target = self.origin + url.removeprefix(PUBLIC_URL)
        headers = {"accept": accept, **({"cookie": cookie} if cookie else {})}
        async with self.http.get(target, headers=headers, allow_redirects=False) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Reply(response.status, json.loads(text) if is_json else text, response.headers)

    async def _rest(self, rpc: Any, message: Message, metadata: list[tuple[str, str]]) -> Reply:
        call = rpc(message, metadata=metadata)
        try:
            response = await call
        except grpc.aio.AioRpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            return Reply(int(trailers["x-http-status"]), json.loads(trailers["x-rest-error"]))
        status = int(dict(await call.initial_metadata()).get("x-http-status", "200"))
        return Reply(status, None if status == 204 else as_envoy_prints(response))
