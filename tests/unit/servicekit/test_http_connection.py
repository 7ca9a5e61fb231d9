"""The connection's parsing with a transport in memory, against whatever pieces a network makes."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servicekit.http_connection import HttpConnection
from servicekit.http_listener import HttpLimits, HttpListener, Request, Response

from tests.support.clock import ManualClock
from tests.support.waiting import until

_STREAM = (
    b"GET /one?x HTTP/1.1\r\nHost: h\r\nA: 1\r\nA: 2\r\n\r\n"
    b"POST /two HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello"
    b"POST /three HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nlate: 1\r\n\r\n"
    b"PUT /four HTTP/1.1\r\nhost: h\r\ncontent-length: 900\r\n\r\n"
)


class Transport:
    """What the connection needs of a transport."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.1", 4711) if name == "peername" else None

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def _echo(request: Request) -> Response:
    await asyncio.sleep(0)
    text = f"{request.method} {request.target} {request.headers.get('a')} ".encode()
    return Response(200, (), text + request.body)


def _answers(pieces: list[bytes]) -> Transport:
    async def talk() -> Transport:
        limits = HttpLimits(header_bytes_max=200, body_bytes_max=100, pipelined_requests_max=2)
        listener = HttpListener(_echo, host="", port=0, limits=limits, clock=ManualClock())
        connection, transport = HttpConnection(listener), Transport()
        connection.connection_made(transport)  # type: ignore[arg-type]  # a stand-in
        for piece in pieces:
            connection.data_received(piece)
            await asyncio.sleep(0)
        await until(lambda: connection._task is None)
        connection.connection_lost(None)
        assert listener.active_requests == 0
        return transport

    return asyncio.run(talk())


def _cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(at), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@pytest.fixture(scope="module")
def whole() -> Transport:
    return _answers([_STREAM])


def test_the_whole_stream_is_answered_in_order(whole: Transport) -> None:
    bodies = [b"GET /one?x 1, 2 ", b"POST /two None hello", b"POST /three None abcde", b"413"]
    places = [whole.written.index(body) for body in bodies]
    assert places == sorted(places)
    assert whole.ended


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(at=st.lists(st.integers(1, len(_STREAM) - 1), max_size=40))
def test_the_answers_do_not_depend_on_how_the_stream_is_cut(
    whole: Transport, at: list[int]
) -> None:
    cut = _answers(_cut(_STREAM, at))
    assert cut.written == whole.written
    assert cut.ended


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=400),
        st.tuples(st.integers(0, len(_STREAM) - 1), st.binary(min_size=1, max_size=8)).map(
            lambda change: _STREAM[: change[0]] + change[1] + _STREAM[change[0] :]
        ),
    ),
    at=st.lists(st.integers(1, 300), max_size=5),
)
def test_garbage_gets_refusals_and_never_an_exception(data: bytes, at: list[int]) -> None:
    transport = _answers(_cut(data, [a for a in at if a < len(data)]))
    for answer in transport.written.split(b"HTTP/1.1 ")[1:]:
        assert answer[:3] in {b"100", b"200", b"400", b"413", b"431"}
