"""Every error is `{"error": {"code", "description", ...}}` in JSON, wherever it comes from."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from servicekit.errors import Conflict, InvalidArgument, NotFound, ServiceError, Unauthenticated

from deploy.local.envoy import EnvoyServer
from tests.integration.envoy.conftest import LIMITS, Client, Edge, Reply, edge_settings, local
from tests.integration.envoy.fake_upstream import Script, Upstream, Verdict


def error(reply: Reply) -> dict[str, object]:
    assert reply.headers["content-type"].startswith("application/json")
    assert set(reply.json) == {"error"}
    content: dict[str, object] = reply.json["error"]
    assert isinstance(content["description"], str)
    assert content["description"]
    return content


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (InvalidArgument("INVALID_FIELD", "bad"), 400),
        (Unauthenticated("CREDENTIALS_MISSING", "who?"), 401),
        (NotFound("PEER_NOT_FOUND", "none"), 404),
        (Conflict("IDEMPOTENCY_KEY_REUSED", "twice"), 409),
    ],
)
def test_a_service_decides_status_and_body(edge: Edge, raised: ServiceError, status: int) -> None:
    edge.upstream.script = Script(error=raised)
    reply = edge.public("GET", "/t/quotes/1")
    assert reply.status == status
    assert error(reply) == {"code": str(status), "description": raised.message}


def test_details_and_odd_characters_arrive_whole(edge: Edge) -> None:
    text = 'a "quoted" é €\n\x7f 100%'
    edge.upstream.script = Script(error=NotFound("X", text, metadata={"minSendAmount": "5"}))
    reply = edge.public("GET", "/t/quotes/1")
    assert error(reply) == {
        "code": "404",
        "description": text,
        "details": {"minSendAmount": "5"},
    }
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert [name for name in reply.headers if name.startswith(("grpc-", "x-"))] == []


def test_a_bare_grpc_status_says_nothing_of_the_inside(edge: Edge) -> None:
    for code, status in (
        (grpc.StatusCode.UNAVAILABLE, 503),
        (grpc.StatusCode.INTERNAL, 500),
        (grpc.StatusCode.UNIMPLEMENTED, 501),
    ):
        edge.upstream.script = Script(bare_error=code)
        reply = edge.public("GET", "/t/quotes/1")
        assert (reply.status, error(reply)["code"]) == (status, str(status))
        assert b"inner" not in reply.body


def test_a_refusal_of_the_guard_passes_as_it_is(edge: Edge) -> None:
    body = '{"error":{"code":"401","description":"no"}}'
    edge.upstream.verdict = Verdict(
        401,
        {
            "www-authenticate": "GNAP as_uri=https://a.example",
            "content-type": "application/json",
            "x-inner": "1",
        },
        body,
    )
    for path in ("/t/quotes", "/tenant"):
        reply = edge.public("POST", path, {})
        assert (reply.status, reply.body.decode()) == (401, body)
        assert reply.headers["www-authenticate"] == "GNAP as_uri=https://a.example"
        assert error(reply)["code"] == "401"
        assert "x-inner" not in reply.headers
    assert edge.upstream.calls == []


def test_a_guard_that_breaks_lets_nothing_pass(edge: Edge) -> None:
    edge.upstream.verdict = Verdict(500, {}, "a stack trace")
    reply = edge.public("POST", "/t/quotes", {})
    assert (reply.status, error(reply)["code"]) == (503, "503")
    reply = edge.public("POST", "/tenant", {})
    assert (reply.status, error(reply)["code"]) == (503, "request_denied")
    assert edge.upstream.calls == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/t/quotes", b"{bad", 400),
        ("POST", "/t/quotes", b"[1]", 400),
        ("POST", "/t/quotes", b'{"walletAddress": 1}', 400),
        ("POST", "/t/incoming-payments", b'{"incomingAmount": {"value": "-1"}}', 400),
        ("POST", "/t/incoming-payments", b'{"incomingAmount": {"value": "1.5"}}', 400),
        ("POST", "/t/incoming-payments", b'{"expiresAt": "tomorrow"}', 400),
        ("POST", "/t/quotes", b'{"tenant_id": "other"}', 400),
        ("GET", "/t/quotes/1?x=1", None, 400),
        ("GET", "/t/quotes/1?tenant_id=other", None, 400),
        ("GET", "/t/incoming-payments?tenantId=other", None, 400),
        ("GET", "/t/incoming-payments?wallet-address=a&first=x", None, 400),
        ("GET", "/t/incoming-payments?%77allet-address=a", None, 400),
        ("POST", "/t/quotes?idempotencyKey=1", b"{}", 400),
        ("POST", "/t/quotes", b"x" * 5_000, 413),
        ("DELETE", "/t/quotes/1", None, 405),
        ("POST", "/any/other/path", b"{}", 405),
        ("POST", "/t%2Fx/quotes", b"{}", 405),
        ("GET", "/ilp", None, 405),
        ("GET", "/continue/1", None, 405),
    ],
)
def test_what_envoy_refuses_itself(
    edge: Edge, method: str, path: str, body: bytes | None, status: int
) -> None:
    reply = edge.public(method, path, body, {"authorization": "GNAP 1"})
    assert reply.status == status
    assert error(reply)["code"] in {str(status), "invalid_request"}
    assert edge.upstream.calls == []


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/t/quotes", "POST"),
        ("/t/quotes/1", "GET"),
        ("/t/incoming-payments", "GET, POST"),
        ("/t/incoming-payments/1", "GET, HEAD"),
        ("/continue/1", "DELETE, POST"),
        ("/ilp", "POST"),
        ("/tenant", "GET, HEAD, POST"),
        ("/", "GET, HEAD, POST"),
        ("/a/b/c", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(edge: Edge, path: str, allow: str) -> None:
    reply = edge.public("PUT", path, b"")
    assert (reply.status, reply.headers["allow"]) == (405, allow)


def test_gnap_errors_speak_gnap(edge: Edge) -> None:
    assert error(edge.public("POST", "/tenant", b"{bad"))["code"] == "invalid_request"
    edge.upstream.script = Script(bare_error=grpc.StatusCode.INTERNAL)
    assert error(edge.public("POST", "/tenant", {}))["code"] == "request_denied"


def test_a_service_that_hangs_is_a_504(edge: Edge) -> None:
    edge.upstream.script = Script(hang=True)
    reply = edge.public("GET", "/t/quotes/1")
    assert (reply.status, error(reply)["code"]) == (504, "504")


def test_a_service_that_is_gone_is_a_503(running_edge: Edge, tmp_path: Path) -> None:
    settings = edge_settings(running_edge.upstream)
    reserved = socket.socket()  # bound and not listening: nobody else takes the port meanwhile
    reserved.bind(("127.0.0.1", 0))
    gone = local(reserved.getsockname()[1])
    lonely = type(settings)(**{**vars(settings), "backend_grpc": gone, "backend_http": gone})
    envoy = EnvoyServer("lonely", lonely, tmp_path)
    envoy.start()
    try:
        client = Client(lonely.public.port)
        for method, path in (("GET", "/alice"), ("POST", "/t/quotes"), ("POST", "/ilp")):
            reply = client(method, path, b"{}" if method == "POST" else None)
            assert (reply.status, error(reply)["code"]) == (503, "503")
    finally:
        envoy.stop()
        reserved.close()


def test_a_dead_worker_is_skipped(tmp_path: Path) -> None:
    upstream = Upstream(2)
    upstream.start()
    settings = edge_settings(upstream)
    envoy = EnvoyServer("balanced", settings, tmp_path)
    try:
        envoy.start()
        client = Client(settings.public.port)
        assert {client("GET", "/alice").status for _ in range(6)} == {200}
        assert {call.worker for call in upstream.calls} == set(upstream.backend_grpc)
        upstream.stop_worker(upstream.backend_grpc[0])
        upstream.calls.clear()
        assert {client("GET", "/alice").status for _ in range(6)} == {200}
        assert {call.worker for call in upstream.calls} == {upstream.backend_grpc[1]}
    finally:
        envoy.stop()
        upstream.stop()


QUICK = replace(
    LIMITS,
    rest_timeout_s=20.0,
    health_interval_s=0.1,
    health_again_s=0.1,
    health_timeout_s=0.3,
)


def test_a_frozen_worker_is_found_out_and_left_alone(tmp_path: Path) -> None:
    upstream = Upstream(4)
    upstream.start()
    settings = edge_settings(upstream, replace(QUICK, read_try_s=0.3))
    envoy = EnvoyServer("frozen", settings, tmp_path)
    try:
        envoy.start()
        client = Client(settings.public.port)
        assert {client("GET", "/alice").status for _ in range(8)} == {200}
        frozen, asked_at = upstream.freeze(1)
        # A read that meets it before it is found out is tried on another worker.
        assert {client("GET", "/alice").status for _ in range(8)} == {200}
        asked = upstream.health_checks[asked_at]
        # Past the failures that make it unhealthy, with each of its three clusters.
        while upstream.health_checks[asked_at] < asked + 9:
            client("GET", "/bob")
        upstream.calls.clear()
        # Also what may not be tried twice.
        assert {client("POST", "/t/quotes", {}).status for _ in range(40)} == {200}
        assert frozen not in {call.worker for call in upstream.calls}
    finally:
        envoy.stop()
        upstream.stop()


def test_no_call_fails_for_a_guard_that_hangs(tmp_path: Path) -> None:
    upstream = Upstream(4)
    upstream.start()
    settings = edge_settings(upstream, replace(QUICK, guard_timeout_s=20.0, guard_try_s=0.3))
    envoy = EnvoyServer("guards", settings, tmp_path)
    try:
        envoy.start()
        client = Client(settings.public.port)
        upstream.frozen.add(upstream.http["backend"][1])
        assert {client("POST", "/t/quotes", {}).status for _ in range(8)} == {200}
        assert len(upstream.guard_calls) == 8
    finally:
        envoy.stop()
        upstream.stop()


def test_bodies_are_json_without_spaces_to_trip_over(edge: Edge) -> None:
    reply = edge.public("GET", "/t/quotes/1?x=1")
    assert json.dumps(json.loads(reply.body)) == reply.body.decode()
