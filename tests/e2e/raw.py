"""Requests byte by byte over the public listener: signed, then spoilt as a test likes."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.httpsig.keys import private_key_from_pem
from ilpkit.httpsig.sign import sign_request
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets
from deploy.local.stack import Stack

TIMEOUT_S: Final = 30.0
CLOCK: Final = SystemClock()


class Reply(NamedTuple):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def error(self) -> dict[str, Any]:
        """The error, after a look at the specified shape around it."""
        assert self.headers["content-type"] == "application/json"
        (name, error), *more = self.json().items()
        assert (name, more) == ("error", [])
        assert {"code", "description"} <= set(error) <= {"code", "description", "details"}
        assert isinstance(error["code"], str)
        assert error["description"]
        fields: dict[str, Any] = error
        return fields


def send(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Reply:
    """One request on a connection of its own; the path goes out as it is."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        target = url.partition(parts.netloc)[2] or "/"
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Signer:
    """The demonstration app's name and key."""

    wallet_address: str
    key_id: str
    key: Ed25519PrivateKey

    def headers(
        self, method: str, url: str, body: bytes | None = None, *, token: str | None = None
    ) -> dict[str, str]:
        """Headers of a request that is right in every way."""
        sent = {"content-type": "application/json"}
        if token is not None:
            sent["authorization"] = f"GNAP {token}"
        added = sign_request(
            method=method,
            target_uri=url,
            headers=sent,
            body=body,
            key_id=self.key_id,
            private_key=self.key,
            created=CLOCK.now_ms() // 1000,
        )
        return sent | added

    def send(
        self, method: str, url: str, document: Any = None, *, token: str | None = None
    ) -> Reply:
        """A right request."""
        body = None if document is None else json.dumps(document).encode()
        return send(method, url, body, self.headers(method, url, body, token=token))


def signer(stack: Stack, wallets: Wallets) -> Signer:
    """The demonstration app's own."""
    pem = stack.vault.key_file("client").read_bytes()
    return Signer(wallets.client.url, stack.vault.client_key_id, private_key_from_pem(pem))
