"""On every route, no header with a meaning inside gets in, and none breaks another's call."""

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.envoy import routes
from deploy.envoy.headers import IDENTITY_HEADERS, PUBLIC_HEADERS, others
from deploy.envoy.routes import Route
from tests.integration.envoy.conftest import Client, Edge

FORGED = "forged"
# By whom they are acted on: gRPC, Envoy, the transcoder, the services, HTTP/1.1 hop by hop, HTTP/2.
INSIDE = {
    "grpc-timeout": "x",
    "grpc-encoding": "gzip",
    "grpc-accept-encoding": FORGED,
    "grpc-message": FORGED,
    "grpc-status": "0",
    "grpc-status-details-bin": "!!!",
    "grpc-tags-bin": "!!!",
    "grpc-trace-bin": "!!!",
    "grpc-previous-rpc-attempts": "7",
    "anything-bin": "!!!",
    "lb-token": FORGED,
    "endpoint-load-metrics": FORGED,
    "x-envoy-original-path": FORGED,
    "x-envoy-original-method": FORGED,
    "x-envoy-retry-on": "5xx",
    "x-envoy-max-retries": "9",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-decorator-operation": FORGED,
    "x-envoy-force-trace": "1",
    "x-client-trace-id": FORGED,
    "x-b3-traceid": FORGED,
    "x-http-method-override": "DELETE",
    "x-http-status": "299",
    "x-rest-error": FORGED,
    "x-rafiki-rest": FORGED,
    "x-rafiki-verdict": FORGED,
    "x-rafiki-surface": FORGED,
    "x-idp-secret": FORGED,
    "x-reflect": "auth",
    "x-forwarded-host": FORGED,
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": FORGED,
    "x-real-ip": FORGED,
    "forwarded": FORGED,
    "te": "trailers, deflate",
    "trailer": "grpc-status",
    "keep-alive": FORGED,
    "proxy-connection": FORGED,
    "proxy-authorization": FORGED,
    "upgrade": "h2c",
    "http2-settings": "AAMAAABkAARAAAAAAAIAAAAA",
    "x-anything": FORGED,
}
# What Envoy says itself; its own value, not the one from outside.
ENVOYS = {
    "x-envoy-original-path",
    "x-envoy-original-method",
    "x-rafiki-rest",
    "x-rafiki-surface",
    "x-envoy-external-address",
    "te",
}


def example(route: Route) -> str:
    """A path of a route."""
    path = (
        route.path.removesuffix("/?").replace("(/finish)?", "").replace("(accept|reject)", "accept")
    )
    return (
        re.sub(r"\[[^\]]*\]\+", "1", path)
        .replace(r"/(.*/)?jwks\.json", "/a/jwks.json")
        .replace("/.*", "/a")
    )


def arrived(edge: Edge, reply_json: object) -> dict[str, str]:
    """The headers that reached a service, over HTTP or as metadata."""
    if edge.upstream.calls:
        return edge.upstream.calls[-1].metadata
    assert isinstance(reply_json, dict)
    return {name.lower(): value for name, value in reply_json["headers"].items()}


CASES = [
    ("public", route, method) for route in routes.PUBLIC_ROUTES for method in route.methods
] + [("operator", route, method) for route in routes.OPERATOR_ROUTES for method in route.methods]


@pytest.mark.parametrize(
    ("listener", "route", "method"), CASES, ids=lambda case: getattr(case, "name", case)
)
def test_no_header_with_a_meaning_inside_gets_in(
    edge: Edge, listener: str, route: Route, method: str
) -> None:
    client: Client = getattr(edge, listener)
    allowed = set(PUBLIC_HEADERS if listener == "public" else IDENTITY_HEADERS)
    path, body = example(route), b"{}" if method == "POST" else None
    sent = {"content-type": route.content_type or "application/json"}
    if route.services is routes.Services.RESOURCES:
        sent["authorization"] = "GNAP 1"
    for name, value in INSIDE.items():
        edge.upstream.calls.clear()
        reply = client(method, path, body, {**sent, name: value})
        assert reply.status == 200, (name, reply.body)
        got = arrived(edge, reply.json if reply.body and not edge.upstream.calls else None)
        unknown = set(got) - allowed - ENVOYS - {"grpc-accept-encoding", "accept-encoding"}
        assert unknown == set(), name
        if name not in allowed or name.startswith("x-forwarded"):
            assert got.get(name) != value, name


def test_a_trace_goes_on_to_guard_and_service(edge: Edge) -> None:
    sent = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "bank=1",
    }
    guarded = {"authorization": "GNAP 1", "content-type": "application/json", **sent}
    assert edge.public("POST", "/t/quotes", b"{}", guarded).status == 200
    assert sent.items() <= edge.upstream.guard_calls[-1].headers.items()
    assert sent.items() <= edge.upstream.calls[-1].metadata.items()
    edge.upstream.calls.clear()
    packet = edge.public("POST", "/ilp", b"", sent)
    assert sent.items() <= arrived(edge, packet.json).items()


def test_a_malformed_deadline_harms_nobody_else(edge: Edge) -> None:
    for _ in range(50):
        assert edge.public("GET", "/a", headers={"grpc-timeout": "x"}).status == 200
        assert edge.public("GET", "/a").status == 200
    workers = {call.worker for call in edge.upstream.calls}
    assert workers == set(edge.upstream.backend_grpc)


def raw(edge: Edge, head: bytes) -> bytes:
    """The status line of an answer to bytes of our own choice."""
    with socket.create_connection(("127.0.0.1", edge.public.port), timeout=20) as connection:
        connection.sendall(head)
        return connection.makefile("rb").readline().strip()


@pytest.mark.parametrize(
    "name", [b"a b", b"a\0b", b"a\xffb", b"(x)", b"", b"x\x7f", b"\xc3\xa9", b"a:b", b"@"]
)
@pytest.mark.parametrize("value", [b"1", b"a\0b", b"\xff", b"\x01", b""])
def test_an_odd_header_is_refused_or_left_out(edge: Edge, name: bytes, value: bytes) -> None:
    line = raw(
        edge, b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n%b: %b\r\n\r\n" % (name, value)
    )
    assert line in {b"HTTP/1.1 200 OK", b"HTTP/1.1 400 Bad Request"}


def test_bodies_in_chunks_still_arrive(edge: Edge) -> None:
    head = b"POST /t/quotes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
    head += b"transfer-encoding: chunked\r\n\r\n"
    assert raw(edge, head + b"2\r\n{}\r\n0\r\n\r\n") == b"HTTP/1.1 200 OK"
    assert edge.upstream.guard_calls[-1].body == b"{}"


@given(st.one_of(st.sampled_from(PUBLIC_HEADERS), st.text("abc-d:gt", max_size=12)), st.data())
def test_the_expression_holds_for_every_name_but_the_listed(name: str, data: st.DataObject) -> None:
    for text in (name, name[: data.draw(st.integers(0, len(name)))], f"{name}-bin"):
        matched = re.fullmatch(others(PUBLIC_HEADERS), text) is not None
        assert matched == (text not in PUBLIC_HEADERS)
