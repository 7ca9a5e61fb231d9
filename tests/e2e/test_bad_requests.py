"""Open Payments and GNAP requests that are wrong, over the real edge."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest

from deploy.local.demo import Wallets
from deploy.local.stack import Stack
from tests.e2e.raw import Reply, Signer, send, signer

pytestmark = pytest.mark.e2e
BODY_BYTES_TOO_MANY: Final = 70_000
SWAPPED: Final = {"swapped": True}
JSON_HEADERS: Final = {"content-type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Incoming payments of Cloud Nine's first customer, and a token to create them."""

    app: Signer
    wallet_address: str
    auth_server: str
    server: str
    token: str

    @property
    def url(self) -> str:
        """The collection."""
        return f"{self.server}/incoming-payments"

    def body(self, **more: Any) -> bytes:
        """A right body."""
        return json.dumps({"walletAddress": self.wallet_address, **more}).encode()

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """The body, under its own signature or under given headers."""
        signed = self.app.headers("POST", self.url, body, token=self.token)
        return send("POST", self.url, body, signed if headers is None else headers)


@pytest.fixture(scope="session")
def resource(stack: Stack, wallets: Wallets) -> Resource:
    app = signer(stack, wallets)
    wallet = send("GET", wallets.by_node[0][0].url).json()
    access = [{"type": "incoming-payment", "actions": ["create", "read", "list"]}]
    asked = {"client": app.wallet_address, "access_token": {"access": access}}
    granted = app.send("POST", wallet["authServer"], asked)
    return Resource(
        app=app,
        wallet_address=wallet["id"],
        auth_server=wallet["authServer"],
        server=wallet["resourceServer"],
        token=granted.json()["access_token"]["value"],
    )


def refused_as_unauthorized(resource: Resource, reply: Reply) -> None:
    assert (reply.status, reply.error()["code"]) == (401, "401")
    assert reply.headers["www-authenticate"] == f"GNAP as_uri={resource.auth_server}"


def test_a_right_request_passes(resource: Resource) -> None:
    reply = resource.post(resource.body())
    assert reply.status == 201
    assert resource.post(resource.body()).json()["id"] != reply.json()["id"]


def test_a_bad_signature_is_401(resource: Resource) -> None:
    body = resource.body()
    headers = resource.app.headers("POST", resource.url, body, token=resource.token)
    other = resource.app.headers("POST", resource.url + "/", body, token=resource.token)
    refused_as_unauthorized(
        resource, resource.post(body, headers | {"signature": other["signature"]})
    )


def test_no_signature_is_401(resource: Resource) -> None:
    headers = JSON_HEADERS | {"authorization": f"GNAP {resource.token}"}
    refused_as_unauthorized(resource, resource.post(resource.body(), headers))


def test_no_token_is_401(resource: Resource) -> None:
    body = resource.body()
    refused_as_unauthorized(
        resource, resource.post(body, resource.app.headers("POST", resource.url, body))
    )


def test_a_swapped_body_is_401(resource: Resource) -> None:
    signed = resource.app.headers("POST", resource.url, resource.body(), token=resource.token)
    other = resource.body(metadata=SWAPPED)
    headers = signed | {"content-length": str(len(other))}
    refused_as_unauthorized(resource, resource.post(other, headers))


def test_a_swapped_body_with_a_digest_of_its_own_is_401(resource: Resource) -> None:
    body, other = resource.body(), resource.body(metadata=SWAPPED)
    signed = resource.app.headers("POST", resource.url, body, token=resource.token)
    digest = resource.app.headers("POST", resource.url, other, token=resource.token)
    headers = signed | {name: digest[name] for name in ("content-digest", "content-length")}
    refused_as_unauthorized(resource, resource.post(other, headers))


def test_a_token_of_nobody_is_refused_with_where_to_get_one(resource: Resource) -> None:
    reply = resource.app.send("GET", f"{resource.url}?wallet-address=x", token="0" * 20)
    assert (reply.status, reply.error()["code"]) in ((401, "401"), (403, "403"))
    assert reply.headers["www-authenticate"] == f"GNAP as_uri={resource.auth_server}"


def test_a_grant_request_with_a_bad_signature_is_an_invalid_client(resource: Resource) -> None:
    access = [{"type": "incoming-payment", "actions": ["create"]}]
    body = json.dumps(
        {"client": resource.app.wallet_address, "access_token": {"access": access}}
    ).encode()
    headers = resource.app.headers("POST", resource.auth_server, body)
    swapped = body.replace(b"create", b"delete").replace(b"delete", b"list")
    reply = send(
        "POST", resource.auth_server, swapped, headers | {"content-length": str(len(swapped))}
    )
    assert (reply.status, reply.error()["code"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "body",
    [
        b'{"walletAddress": ',
        b"[]",
        b"null",
        b"",
        b'{"walletAddress": "x", "walletAddress": "y"}',
        b'\xff\xfe{"walletAddress": "x"}',
        b'{"walletAddress": NaN}',
        b"[" * 2_000,
    ],
)
def test_malformed_json_is_400(resource: Resource, body: bytes) -> None:
    reply = resource.post(body)
    assert (reply.status, reply.error()["code"]) == (400, "400")


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"wallet_address": "x"},
        {"incomingAmount": {"value": "1", "assetCode": "USD", "assetScale": 2, "unknown": 1}},
        {"incomingAmount": {"value": 1, "assetCode": "USD", "assetScale": 2}},
        {"incomingAmount": {"value": "-1", "assetCode": "USD", "assetScale": 2}},
        {"incomingAmount": {"value": "18446744073709551616", "assetCode": "USD", "assetScale": 2}},
        {"incomingAmount": {"value": "1", "assetCode": "USD", "assetScale": 256}},
        {"expiresAt": "tomorrow"},
        {"metadata": "text"},
        {"tenantId": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_a_body_against_the_schema_is_400(resource: Resource, wrong: dict[str, Any]) -> None:
    reply = resource.post(resource.body(**wrong))
    assert (reply.status, reply.error()["code"]) == (400, "400")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"unknown": 1}, 400), ({"client": 7}, 400), ({"access_token": {"access": []}}, 400)],
)
def test_a_grant_request_against_the_schema_speaks_gnap(
    resource: Resource, wrong: dict[str, Any], status: int
) -> None:
    access = [{"type": "incoming-payment", "actions": ["create"]}]
    body = {"client": resource.app.wallet_address, "access_token": {"access": access}, **wrong}
    reply = resource.app.send("POST", resource.auth_server, body)
    assert (reply.status, reply.error()["code"]) == (status, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/incoming-payments?unknown=1", 400, None),
        ("GET", "/incoming-payments?wallet-address=x&first=many", 400, None),
        ("GET", "/incoming-payments?tenant_id=other", 400, None),
        ("PUT", "/incoming-payments", 405, "GET, POST"),
        ("DELETE", "/quotes/x", 405, "GET"),
        ("GET", "/nothing/here", 404, None),
        ("GET", "/incoming-payments/%2e%2e/%2e%2e/alice", 404, None),
        ("POST", "/nothing/here", 405, "GET, HEAD"),
    ],
)
def test_what_the_edge_refuses_has_the_specified_body(
    resource: Resource, method: str, path: str, status: int, allow: str | None
) -> None:
    url = resource.server + path
    body = b"{}" if method in ("POST", "PUT") else None
    headers = resource.app.headers(method, url, body, token=resource.token)
    reply = send(method, url, body, headers)
    assert (reply.status, reply.error()["code"]) == (status, str(status))
    assert reply.headers.get("allow") == allow


def test_a_body_that_is_too_large_is_413(resource: Resource) -> None:
    body = resource.body(metadata={"long": "x" * BODY_BYTES_TOO_MANY})
    reply = resource.post(body)
    assert (reply.status, reply.error()["code"]) == (413, "413")
    to_auth = send("POST", resource.auth_server, body, JSON_HEADERS)
    assert (to_auth.status, to_auth.error()["code"]) == (413, "invalid_request")


def test_native_grpc_has_no_way_in(resource: Resource) -> None:
    public = resource.wallet_address.rpartition("/")[0]
    url = f"{public}/rafiki.openpayments.v1.IncomingPaymentService/GetIncomingPayment"
    reply = send("POST", url, b"\x00" * 5, {"content-type": "application/grpc"})
    assert (reply.status, reply.headers["grpc-status"], reply.body) == (200, "12", b"")


def test_nothing_that_was_refused_left_a_payment(resource: Resource) -> None:
    url = f"{resource.url}?wallet-address={resource.wallet_address}&first=100"
    listed = resource.app.send("GET", url, token=resource.token)
    assert listed.status == 200
    assert [made for made in listed.json()["result"] if made.get("metadata") == SWAPPED] == []
