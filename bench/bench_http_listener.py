"""CPU per request of the fast HTTP listener, with its client in another process.

    python bench/bench_http_listener.py [seconds] [connections]

The server process measures its own CPU time (user and system) over the run, so the client's share
and the machine's other load stay out of the figure.
"""

import asyncio
import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import cast

import uvloop
from servicekit.http_listener import HttpListener, Request, Response

BODY = b"x" * 200
REQUEST = (
    b"POST /ilp HTTP/1.1\r\nhost: node.example\r\ncontent-type: application/octet-stream\r\n"
    b"authorization: Bearer 0123456789abcdef\r\nx-request-id: 01a20863-9ae9-764c-bf92\r\n"
    b"content-length: 200\r\n\r\n" + BODY
)
ANSWER_HEADERS = (("content-type", "application/octet-stream"),)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _answer_at_once(_: Request) -> Response:
    return Response(200, ANSWER_HEADERS, b"y" * 70)


async def _answer_later(_: Request) -> Response:
    """One turn of the loop, as a handler that waits for a batch has."""
    await asyncio.sleep(0)
    return Response(200, ANSWER_HEADERS, b"y" * 70)


def _serve(pipe: Connection, later: bool) -> None:
    async def main() -> None:
        handler = _answer_later if later else _answer_at_once
        listener = HttpListener(handler, host="127.0.0.1", port=0)
        pipe.send(await listener.start())
        loop = asyncio.get_running_loop()
        while True:
            await loop.run_in_executor(None, pipe.recv)
            pipe.send(_cpu_s())

    uvloop.run(main())


class _Client(asyncio.Protocol):
    def __init__(self, ends_at: float, latencies: list[float]) -> None:
        self.ends_at, self.latencies = ends_at, latencies
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        assert data.startswith(b"HTTP/1.1 200"), data
        now = time.perf_counter()
        self.latencies.append(now - self.sent_at)
        if now < self.ends_at:
            self._send()
        else:
            self.transport.close()
            self.done.set_result(None)


async def _load(port: int, seconds: float, connections: int) -> list[float]:
    latencies: list[float] = []
    ends_at = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: _Client(ends_at, latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return latencies


def _run(later: bool, seconds: float, connections: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, later))
    server.start()
    try:
        port = ours.recv()
        uvloop.run(_load(port, 0.3, connections))
        ours.send(None)
        before = ours.recv()
        latencies = sorted(uvloop.run(_load(port, seconds, connections)))
        ours.send(None)
        cpu_s = ours.recv() - before
    finally:
        server.terminate()
        server.join()
    count = len(latencies)
    p50, p95, p99 = (latencies[int(count * q)] * 1e6 for q in (0.5, 0.95, 0.99))
    name = "after one turn" if later else "at once"
    print(
        f"{name:<16}{connections:>6}{count / seconds:>10,.0f}"
        f"{cpu_s / count * 1e6:>10.1f}{p50:>9,.0f}{p95:>9,.0f}{p99:>9,.0f}"
    )


def main() -> None:
    """Print one table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    print("handler answers   conns     req/s   us CPU   p50 us   p95 us   p99 us")
    for later in (False, True):
        _run(later, seconds, connections)
        _run(later, seconds, 1)


if __name__ == "__main__":
    main()
