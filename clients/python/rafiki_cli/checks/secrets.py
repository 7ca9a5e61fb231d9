"""The node's key and the operator's secret: each makes a signature that the other side verifies."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from rafiki.admin.v1 import tenant_service_pb2
from rafiki_client import Node, error_of

from rafiki_cli.checks.finding import Finding, fail, ok, skip

_CHALLENGE_BYTES = 32


@dataclass(frozen=True)
class NodeKey:
    """What the node signs its requests to other banks with."""

    key_id: str | None
    file: Path | None


async def check_key(
    http: aiohttp.ClientSession, public_url: str | None, key: NodeKey
) -> list[Finding]:
    """Sign with the private key, and verify with the public one as other banks read it."""
    check = "signature of the node"
    if public_url is None or key.key_id is None or key.file is None:
        return [skip(check, "give --public-url, --key-id and --key-file, or the node's settings")]
    try:
        private = _private_key(key.file)
        published = await _published(http, f"{public_url.rstrip('/')}/jwks.json", key.key_id)
        challenge = secrets.token_bytes(_CHALLENGE_BYTES)
        published.verify(private.sign(challenge), challenge)
    except _UnusableError as error:
        return [fail(check, str(error), error.remedy)]
    except InvalidSignature:
        remedy = "the node runs with another key than this file: restart it, or give its file"
        return [fail(check, f"the node has published another key as {key.key_id}", remedy)]
    return [ok(check, "other banks can verify it")]


async def check_admin_secret(
    node: Node, tenant_id: str | None, api_secret: str | None
) -> list[Finding]:
    """Sign an Admin API call, and let the node verify it."""
    check = "signature of the operator"
    if tenant_id is None or api_secret is None:
        remedy = "give --tenant-id and --api-secret, or OPERATOR_TENANT_ID and ADMIN_API_SECRET"
        return [skip(check, remedy)]
    body = {"query": "{ __typename }", "nonce": secrets.token_hex(_CHALLENGE_BYTES)}
    now_ms = time.time_ns() // 1_000_000
    message = b"%d.%b" % (now_ms, rfc8785.dumps(body))
    digest = hmac.new(api_secret.encode(), message, hashlib.sha256).hexdigest()
    request = tenant_service_pb2.VerifyApiSignatureRequest(
        tenant_id=tenant_id, signature=f"t={now_ms}, v1={digest}", body=json.dumps(body).encode()
    )
    try:
        answer = await node.tenants.VerifyApiSignature(request)
    except grpc.aio.AioRpcError as error:
        remedy = "the secret is not the tenant's, or the clocks are apart"
        return [fail(check, str(error_of(error)), remedy)]
    who = "the operator" if answer.is_operator else f"tenant {answer.tenant_id}"
    return [ok(check, f"the node takes it for {who}")]


class _UnusableError(Exception):
    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.remedy = remedy


def _private_key(file: Path) -> Ed25519PrivateKey:
    remedy = "PRIVATE_KEY_FILE is an Ed25519 key in PEM: openssl genpkey -algorithm ed25519"
    try:
        private = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _UnusableError(f"{file}: {error}", remedy) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _UnusableError(f"{file} is no Ed25519 key", remedy)
    return private


async def _published(http: aiohttp.ClientSession, url: str, key_id: str) -> Ed25519PublicKey:
    """The node's public key as other banks read it."""
    try:
        async with http.get(url) as answer:
            jwks: Any = await answer.json(content_type=None)
        keys = {jwk["kid"]: jwk["x"] for jwk in jwks["keys"]}
        text = keys.get(key_id)
        if text is None:
            raise _UnusableError(f"{url} has no key {key_id}", "KEY_ID must be the node's own")
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return Ed25519PublicKey.from_public_bytes(raw)
    except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, KeyError) as error:
        remedy = "other banks can't verify this node's requests: is the public listener right?"
        raise _UnusableError(f"{url}: {error!r}", remedy) from error
