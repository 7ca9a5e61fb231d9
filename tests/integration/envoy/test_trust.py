"""What the outside can't make the inside believe; packets; native gRPC; browsers."""

import socket

import grpc
import pytest
from rafiki.grant.v1 import grant_service_pb2 as grant
from rafiki.grant.v1 import grant_service_pb2_grpc as grant_grpc
from rafiki.openpayments.v1 import wallet_address_service_pb2 as wallet
from rafiki.openpayments.v1 import wallet_address_service_pb2_grpc as wallet_grpc
from servicekit.errors import NotFound

from tests.integration.envoy.conftest import Edge
from tests.integration.envoy.fake_upstream import Script, Verdict

FORGED = {
    "x-rafiki-verdict": "evil",
    "X-Rafiki-Rest": "0",
    "x-rafiki-surface": "evil",
    "x-http-status": "299",
    "x-envoy-original-path": "/evil",
    "x-envoy-original-method": "EVIL",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-envoy-upstream-rq-timeout-ms": "1",
}


def test_forged_headers_stay_outside(edge: Edge) -> None:
    edge.upstream.verdict = Verdict(200, {"x-rafiki-verdict": "real", "x-other": "dropped"})
    edge.public("POST", "/t/quotes", {}, FORGED)
    host = edge.public.origin.removeprefix("http://")
    metadata = edge.upstream.calls[0].metadata
    assert metadata["x-rafiki-verdict"] == "real"
    assert metadata["x-rafiki-rest"] == "1"
    assert metadata["x-rafiki-surface"] == "open-payments"
    assert metadata["x-envoy-original-path"] == "/t/quotes"
    assert metadata["x-envoy-original-method"] == "POST"
    assert metadata["x-forwarded-host"] == host
    assert metadata["x-forwarded-proto"] == "http"
    assert not {"x-http-status", "x-other", "x-envoy-upstream-rq-timeout-ms"} & set(metadata)
    asked = edge.upstream.guard_calls[0].headers
    assert asked["x-forwarded-host"] == asked["host"] == host
    assert asked["x-forwarded-proto"] == "http"
    assert "x-rafiki-verdict" not in asked


def test_the_guard_gets_the_bytes_and_the_target_as_sent(edge: Edge) -> None:
    body = b'{ "walletAddress" :  "https:\\/\\/w.example" }\n'
    headers = {
        "signature": "sig1=:x:",
        "signature-input": 'sig1=("@method");keyid="k"',
        "content-digest": "sha-512=:x:",
        "content-type": "application/json",
        "authorization": "GNAP 1",
        "idempotency-key": "i",
    }
    edge.public("POST", "/t/quotes/", body, headers)
    asked = edge.upstream.guard_calls[0]
    assert (asked.method, asked.target, asked.body) == ("POST", "/t/quotes/", body)
    assert {name: asked.headers[name] for name in headers} == headers
    # An escaped query keeps its escapes: it is signed as sent.
    target = "/t/incoming-payments?wallet-address=https%3A%2F%2Fw.example&cursor=%7E"
    edge.public("GET", target, headers=headers)
    assert edge.upstream.guard_calls[1].target == target


@pytest.mark.parametrize("path", ["/t/a/../quotes", "/t//quotes", "/t/./quotes", "/t/%71uotes"])
def test_paths_are_not_tidied_up(edge: Edge, path: str) -> None:
    assert edge.public("POST", path, {}).status == 405
    assert edge.upstream.calls == []


def test_packets_go_straight_through(edge: Edge) -> None:
    packet = bytes(range(256))
    headers = {"content-type": "application/octet-stream", **FORGED}
    reply = edge.public("POST", "/ilp", packet, headers)
    assert (reply.status, reply.headers["x-echo-body"]) == (200, packet.hex())
    assert (reply.json["server"], reply.json["target"]) == ("backend", "/ilp")
    arrived = {name.lower() for name in reply.json["headers"]}
    assert not {"x-rafiki-verdict", "x-rafiki-surface", "x-rafiki-rest", "x-http-status"} & arrived
    assert edge.upstream.guard_calls == []


@pytest.mark.parametrize("path", ["/", "/ilp", "/ilp/"])
def test_a_peer_may_post_to_the_root_too(edge: Edge, path: str) -> None:
    reply = edge.public("POST", path, b"\x0c", {"content-type": "application/octet-stream"})
    assert (reply.json["server"], reply.json["target"]) == ("backend", path)
    assert edge.public("POST", "/", b"{}", {"content-type": "application/json"}).status == 405
    edge.public("GET", "/")
    assert edge.upstream.calls[-1].method.endswith("GetWalletAddress")


def test_native_grpc_is_on_the_operator_listener_only(edge: Edge) -> None:
    request = wallet.GetWalletAddressRequest(path="alice")
    metadata = tuple((name.lower(), value) for name, value in FORGED.items())
    edge.upstream.script = Script(reply=wallet.WalletAddress(id="x"), status=201)
    with grpc.insecure_channel(f"127.0.0.1:{edge.operator.port}") as channel:
        stub = wallet_grpc.WalletAddressServiceStub(channel)
        assert stub.GetWalletAddress(request, metadata=metadata).id == "x"
        arrived = edge.upstream.calls[0].metadata
        assert not {"x-rafiki-verdict", "x-rafiki-rest", "x-envoy-original-path"} & set(arrived)
        edge.upstream.script = Script(error=NotFound("X", "none"))
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetWalletAddress(request)
        assert refused.value.details() == "no"
    with grpc.insecure_channel(f"127.0.0.1:{edge.operator.port}") as channel:
        edge.upstream.script = Script()
        grant_grpc.GrantServiceStub(channel).RevokeToken(grant.RevokeTokenRequest(id="1"))
        assert edge.upstream.calls[-1].worker == edge.upstream.auth_grpc[0]
    edge.upstream.calls.clear()
    with grpc.insecure_channel(f"127.0.0.1:{edge.public.port}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            wallet_grpc.WalletAddressServiceStub(channel).GetWalletAddress(request)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert edge.upstream.calls == []


def test_grpc_web_works_on_the_operator_listener(edge: Edge) -> None:
    edge.upstream.script = Script(reply=wallet.WalletAddress(id="x"))
    message = wallet.GetWalletAddressRequest(path="alice").SerializeToString()
    frame = b"\0" + len(message).to_bytes(4, "big") + message
    reply = edge.operator(
        "POST",
        "/rafiki.openpayments.v1.WalletAddressService/GetWalletAddress",
        frame,
        {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"},
    )
    assert reply.status == 200
    answer = wallet.WalletAddress(id="x").SerializeToString()
    assert reply.body.startswith(b"\0" + len(answer).to_bytes(4, "big") + answer)
    assert b"grpc-status:0" in reply.body


@pytest.mark.parametrize("path", ["/", "/graphql", "/wallet-addresses?page=2"])
def test_browsers_reach_the_frontend_on_the_operator_listener(edge: Edge, path: str) -> None:
    reply = edge.operator("POST" if path == "/graphql" else "GET", path)
    assert (reply.json["server"], reply.json["target"]) == ("frontend", path)


ORIGIN = {"origin": "https://app.example"}


def test_a_preflight_is_answered_at_the_edge(edge: Edge) -> None:
    asked = {
        **ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "signature,signature-input,content-digest",
    }
    reply = edge.public("OPTIONS", "/t/quotes", headers=asked)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert "signature-input" in reply.headers["access-control-allow-headers"]
    assert edge.upstream.guard_calls == []


def test_browsers_may_read_every_answer(edge: Edge) -> None:
    edge.upstream.verdict = Verdict(401, {"www-authenticate": "GNAP as_uri=https://a"}, "{}")
    refused = edge.public("POST", "/t/quotes", {}, ORIGIN)
    edge.upstream.verdict = Verdict()
    edge.upstream.script = Script(error=NotFound("X", "none"))
    failed = edge.public("GET", "/t/quotes/1", headers=ORIGIN)
    malformed = edge.public("POST", "/t/quotes", b"{bad", ORIGIN)
    edge.upstream.script = Script()
    fine = edge.public("GET", "/alice", headers=ORIGIN)
    wrong = edge.public("PUT", "/t/quotes", b"", ORIGIN)
    assert "access-control-allow-origin" not in edge.public("PUT", "/t/quotes", b"").headers
    replies = (refused, failed, malformed, fine, wrong)
    assert [reply.status for reply in replies] == [401, 404, 400, 200, 405]
    for reply in replies:
        assert reply.headers["access-control-allow-origin"] == "https://app.example"
        assert "www-authenticate" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize(("host", "status"), [(b"Host: a.example\r\n", b"200"), (b"", b"400")])
def test_callers_that_speak_http_1_0_are_served(edge: Edge, host: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", edge.public.port), timeout=20) as connection:
        connection.sendall(b"GET /alice HTTP/1.0\r\n" + host + b"\r\n")
        assert connection.makefile("rb").readline().split()[1] == status
