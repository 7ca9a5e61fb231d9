"""The listener over real loopback sockets; deadlines through the sweep, never by waiting."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf

import pytest
from servicekit.errors import NotFound, Unavailable
from servicekit.http_listener import Handler, HttpLimits, HttpListener, Request, Response, Routes

from tests.support.waiting import until

_DRAIN_S = 5.0


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        length = 0 if head_only else int(headers.get("content-length", "0"))
        return int(head[0].split()[1]), headers, await self.reader.readexactly(length)

    async def at_end(self) -> bool:
        return await self.reader.read() == b""


@asynccontextmanager
async def _listening(
    handler: Handler, limits: HttpLimits | None = None
) -> AsyncIterator[tuple[HttpListener, Callable[[], "asyncio.Future[Client]"]]]:
    listener = HttpListener(handler, host="127.0.0.1", port=0, limits=limits)
    port = await listener.start()
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return Client(reader, writer)

    try:
        yield listener, lambda: asyncio.ensure_future(connect())
    finally:
        for writer in writers:
            writer.close()
        await listener.drain(_DRAIN_S)


async def _echo(request: Request) -> Response:
    seen = {
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": request.body.decode("latin-1"),
    }
    return Response.json(200, seen)


async def test_hands_over_the_request_exactly_as_received() -> None:
    async with _listening(_echo) as (_, connect):
        client = await connect()
        client.send(
            b"POST /a/../b//c%2F?x=%20&y HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nX-TWO: 2\r\n"
            b"Cookie: a=1\r\ncookie: b=2\r\nContent-Length: 3\r\n\r\n\x00\xffz"
        )
        status, headers, body = await client.answer()
        seen = json.loads(body)
        assert status == 200
        assert seen["method"] == "POST"
        assert seen["target"] == "/a/../b//c%2F?x=%20&y"
        assert seen["headers"]["x-two"] == "1, 2"
        assert seen["headers"]["cookie"] == "a=1; b=2"
        assert seen["body"] == "\x00\xffz"
        assert headers["date"].endswith("gmt")
        assert "connection" not in headers


async def test_keeps_the_connection_and_answers_pipelined_requests_in_order() -> None:
    turn = asyncio.Event()

    async def slow_first(request: Request) -> Response:
        if request.target == "/0":
            await turn.wait()
        return Response(200, (), request.target.encode())

    limits = HttpLimits(pipelined_requests_max=4)
    async with _listening(slow_first, limits) as (_, connect):
        client = await connect()
        for number in range(20):
            client.send(f"GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        await client.writer.drain()
        turn.set()
        assert [(await client.answer())[2] for _ in range(20)] == [
            f"/{number}".encode() for number in range(20)
        ]


async def test_reads_a_chunked_body_in_pieces_and_drops_its_trailers() -> None:
    async with _listening(_echo) as (_, connect):
        client = await connect()
        pieces = [
            b"POST / HTT", b"P/1.1\r\nHo", b"st: h\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"3\r\nab", b"c\r\n2;ext=1\r\nde\r\n", b"0\r\nX-Late: 1\r\n\r\n",
        ]  # fmt: skip
        for piece in pieces:
            client.send(piece)
            await client.writer.drain()
        seen = json.loads((await client.answer())[2])
        assert seen["body"] == "abcde"
        assert "x-late" not in seen["headers"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA B: 1\r\n\r\n", 400),
        (
            (
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            ),
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101,
            413,
        ),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 1000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 1000, 431),
        (b"GET /" + b"y" * 1000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
    ],
)
async def test_refuses_with_a_json_error_and_ends_the_connection(sent: bytes, status: int) -> None:
    limits = HttpLimits(body_bytes_max=100, header_bytes_max=900)
    async with _listening(_echo, limits) as (_, connect):
        client = await connect()
        client.send(sent)
        got, headers, body = await client.answer()
        assert got == status
        assert headers["content-type"] == "application/json"
        assert headers["connection"] == "close"
        assert json.loads(body)["error"]["code"]
        assert await client.at_end()


async def test_a_refusal_waits_for_the_answers_before_it_and_ends_what_follows() -> None:
    async with _listening(_echo, HttpLimits(body_bytes_max=1)) as (_, connect):
        client = await connect()
        client.send(
            b"GET /good HTTP/1.1\r\nHost: h\r\n\r\n"
            b"POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxx"
            b"GET /after HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        assert [(await client.answer())[0] for _ in range(2)] == [200, 413]
        assert await client.at_end()


async def test_a_large_refused_body_does_not_reset_the_refusal_away() -> None:
    async with _listening(_echo, HttpLimits(body_bytes_max=10)) as (_, connect):
        client = await connect()
        size = 4_000_000
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(b"x" * size)
        await client.writer.drain()
        assert (await client.answer())[0] == 413


async def test_head_has_the_length_but_no_body_and_204_has_neither() -> None:
    async def handler(request: Request) -> Response:
        return Response(204 if request.target == "/none" else 200, (), b"body")

    async with _listening(handler) as (_, connect):
        client = await connect()
        client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n")
        status, headers, _ = await client.answer(head_only=True)
        assert (status, headers["content-length"]) == (200, "4")
        status, headers, body = await client.answer()
        assert (status, body) == (204, b"")
        assert "content-length" not in headers


async def test_closes_when_the_client_asks_and_speaks_http_1_0() -> None:
    async with _listening(_echo) as (_, connect):
        closing, old, old_kept = await connect(), await connect(), await connect()
        closing.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert (await closing.answer())[1]["connection"] == "close"
        assert await closing.at_end()
        old.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await old.answer())[0] == 200
        assert await old.at_end()
        for _ in range(2):
            old_kept.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (await old_kept.answer())[1]["connection"] == "keep-alive"


async def test_answers_expect_continue_and_ignores_an_upgrade() -> None:
    async with _listening(_echo) as (_, connect):
        client = await connect()
        client.send(
            b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        )
        assert (await client.answer())[0] == 100
        client.send(b"x")
        assert (await client.answer())[0] == 200
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert (await client.answer())[0] == 200


async def test_a_client_that_half_closes_still_gets_its_answer() -> None:
    async with _listening(_echo) as (_, connect):
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.writer.write_eof()
        assert (await client.answer())[0] == 200
        assert await client.at_end()


async def test_a_failing_handler_answers_500_and_the_connection_lives_on() -> None:
    async def handler(request: Request) -> Response:
        match request.target:
            case "/bug":
                raise ValueError("secret detail")
            case "/typed":
                raise NotFound("UNKNOWN_PEER", "no such peer")
            case "/later":
                raise Unavailable("UNAVAILABLE", "try later", retry_after_ms=1500)
            case "/split":
                return Response(200, (("x", "a\r\nset-cookie: b"),))
            case _:
                return Response(200, {"content-length": "99", "X-Mine": "1"}, b"ok")

    async with _listening(handler) as (_, connect):
        client = await connect()
        statuses = []
        for path in ("/bug", "/typed", "/later", "/split", "/good"):
            client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            status, headers, body = await client.answer()
            statuses.append(status)
            assert b"secret" not in body
            assert "set-cookie" not in headers
            if path == "/later":
                assert headers["retry-after"] == "2"
            if path == "/typed":
                assert json.loads(body)["error"]["code"] == "unknown_peer"
        assert statuses == [500, 404, 503, 500, 200]
        assert (headers["x-mine"], body) == ("1", b"ok")


async def test_too_many_requests_at_once_get_503() -> None:
    release = asyncio.Event()

    async def handler(_: Request) -> Response:
        await release.wait()
        return Response(200)

    async with _listening(handler, HttpLimits(concurrent_requests_max=1)) as (listener, connect):
        first, second = await connect(), await connect()
        first.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await until(lambda: listener.active_requests > 0)
        second.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        status, headers, _ = await second.answer()
        assert (status, headers["retry-after"]) == (503, "1")
        release.set()
        assert (await first.answer())[0] == 200


async def test_too_many_connections_are_turned_away() -> None:
    async with _listening(_echo, HttpLimits(connections_max=1)) as (_, connect):
        first = await connect()
        first.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await first.answer()
        second = await connect()
        assert (await second.answer())[0] == 503
        assert await second.at_end()


async def test_a_vanished_client_does_not_cancel_its_handler() -> None:
    started, release, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        await release.wait()
        finished.set()
        return Response(200)

    async with _listening(handler) as (listener, connect):
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        raw = client.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
        await until(lambda: not listener._connections)
        release.set()
        await finished.wait()


async def test_drain_finishes_running_requests_and_closes_idle_connections() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        await release.wait()
        return Response(200)

    async with _listening(handler) as (listener, connect):
        idle, busy = await connect(), await connect()
        busy.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        drained = asyncio.create_task(listener.drain(_DRAIN_S))
        assert await idle.at_end()
        assert not drained.done()
        release.set()
        status, headers, _ = await busy.answer()
        assert (status, headers["connection"]) == (200, "close")
        busy.writer.close()
        await drained
        with pytest.raises(ConnectionRefusedError):
            await connect()


async def test_drain_cuts_what_outlasts_its_timeout() -> None:
    started = asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        await asyncio.Event().wait()
        return Response(200)

    async with _listening(handler) as (listener, connect):
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        await listener.drain(0)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await client.answer()


async def test_deadlines_follow_the_state_of_the_connection() -> None:
    release = asyncio.Event()

    async def handler(_: Request) -> Response:
        await release.wait()
        return Response(200)

    limits = HttpLimits(read_timeout_s=1000, idle_timeout_s=5000)
    async with _listening(handler, limits) as (listener, connect):
        loop = asyncio.get_running_loop()
        client = await connect()
        await until(lambda: bool(listener._connections))
        (connection,) = listener._connections
        assert connection.deadline > loop.time() + 4000
        client.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: not connection.idle)
        assert connection.deadline < loop.time() + 2000
        client.send(b"Host: h\r\n\r\n")
        await until(lambda: listener.active_requests > 0)
        assert connection.deadline == inf
        release.set()
        await client.answer()
        await until(lambda: connection.idle)
        assert connection.deadline > loop.time() + 4000


async def test_a_request_that_does_not_arrive_gets_408_and_an_idle_client_only_the_end() -> None:
    async with _listening(_echo, HttpLimits(read_timeout_s=0, idle_timeout_s=0)) as (
        listener,
        connect,
    ):
        slow, idle = await connect(), await connect()
        slow.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: [c.idle for c in listener._connections].count(False) == 1)
        await until(lambda: len(listener._connections) == 2)
        listener._sweep()
        assert (await slow.answer())[0] == 408
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await idle.answer()


async def test_a_client_that_does_not_read_holds_its_next_requests_back() -> None:
    served = 0

    async def handler(_: Request) -> Response:
        nonlocal served
        served += 1
        return Response(200, (), b"x" * 1_000_000)

    async with _listening(handler) as (listener, connect):
        client = await connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio types it as a write transport
        for _ in range(50):
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await client.writer.drain()
        await until(lambda: bool(listener._connections))
        (connection,) = listener._connections
        await until(lambda: connection._writable is not None)
        assert served < 50
        assert connection.deadline != inf
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        assert [len((await client.answer())[2]) for _ in range(50)] == [1_000_000] * 50


async def test_routes_prefer_exact_then_the_longest_prefix() -> None:
    def says(text: str) -> Handler:
        async def handler(_: Request) -> Response:
            return Response(200, (), text.encode())

        return handler

    routes = Routes()
    routes.exact("GET", "/healthz", says("health"))
    routes.prefix("POST", "/", says("root"))
    routes.prefix("POST", "/ilp/", says("ilp"))
    routes.prefix("GET", "/ilp/", says("tool"))

    async def ask(method: str, target: str) -> tuple[int, bytes, dict[str, str]]:
        answer = await routes(Request(method, target, {}, b"", ""))
        return answer.status, answer.body, dict(answer.headers)

    assert (await ask("GET", "/healthz?verbose"))[1] == b"health"
    assert (await ask("HEAD", "/healthz"))[1] == b"health"
    assert (await ask("POST", "/ilp/x"))[1] == b"ilp"
    assert (await ask("GET", "/ilp/x"))[1] == b"tool"
    assert (await ask("POST", "/other"))[1] == b"root"
    status, _, headers = await ask("DELETE", "/healthz")
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert (await Routes()(Request("GET", "/", {}, b"", ""))).status == 404
