"""CPU and rate of the packet path: STREAM packets received, and packets forwarded.

    python bench/bench_packets.py              an embedded Postgres, 2 seconds a row
    python bench/bench_packets.py --seconds 5
    python bench/bench_packets.py --profile received    where the time of one row goes

Packets come as a peer's bytes and leave as bytes; making them is not counted. "memory" keeps the
ledger in this process and shows what the path itself costs; "postgres" is the default engine,
batched. "over HTTP" hands each packet to a peer in a process of its own; its CPU is not counted.
CPU is this process's own and the Postgres server's, in microseconds a packet.
"""

import argparse
import asyncio
import contextlib
import cProfile
import os
import pstats
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import uvloop

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "libs"), str(ROOT / "generated/python")]

from ilpkit.ilp.packet import (  # noqa: E402 - after the path is set, as all below
    FULFILL_TYPE,
    Prepare,
    encode_prepare,
)
from ilpkit.stream.exchange import Exchange  # noqa: E402 - likewise
from servicekit.clock import SystemClock  # noqa: E402 - likewise
from servicekit.ids import SystemIds  # noqa: E402 - likewise

from deploy.local.postgres import PostgresServer  # noqa: E402 - likewise
from services.backend.clients.http import new_session  # noqa: E402 - likewise
from services.backend.connector.peer_link import HttpPeerLink  # noqa: E402 - likewise
from services.backend.connector.steps.rate_limit import RateLimit  # noqa: E402 - likewise
from services.backend.directory.model import PeerEntry  # noqa: E402 - likewise
from services.backend.ledger.interface import LedgerEngine  # noqa: E402 - likewise
from services.backend.ledger.memory.engine import MemoryLedger  # noqa: E402 - likewise
from services.backend.ledger.model import LEDGER_MAX  # noqa: E402 - likewise
from services.backend.ledger.postgres.engine import PostgresLedger  # noqa: E402 - likewise
from services.backend.migrations.run import upgrade_async  # noqa: E402 - likewise
from tests.support.packet_world import PacketWorld  # noqa: E402 - likewise
from tests.support.postgres import free_port  # noqa: E402 - likewise

IN_FLIGHT = (1, 64, 256)
FUNDS = 10**15
PAYMENTS = 16
PREPARED_MAX = 200_000
PREPARED_PER_SECOND = 12_000
FULFILLMENT = b"f" * 32
CONDITION = sha256(FULFILLMENT).digest()
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

ANSWERING_PEER = """
import asyncio, sys
sys.path[:0] = sys.argv[1:]
from ilpkit.ilp.packet import Fulfill, encode_reply
BODY = encode_reply(Fulfill(b"f" * 32, b""))
REPLY = (b"HTTP/1.1 200 OK\\r\\ncontent-type: application/octet-stream\\r\\n"
         b"content-length: %d\\r\\n\\r\\n" % len(BODY)) + BODY

class Peer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.held = transport, b""
    def data_received(self, data):
        self.held += data
        while True:
            head, found, rest = self.held.partition(b"\\r\\n\\r\\n")
            if not found:
                return
            size = int(head.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
            if len(rest) < size:
                return
            self.held = rest[size:]
            self.transport.write(REPLY)

async def main():
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass
class Row:
    """One kind of packet on one engine."""

    name: str
    engine_name: str
    world: PacketWorld
    peer: PeerEntry
    make: Callable[[int], list[bytes]]
    server_cpu_s: Callable[[], float]


def tree_cpu_s(pid: int) -> float:
    """The CPU seconds of a process and its children so far."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(entry.name) == pid or int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / CLOCK_TICKS


async def measure(row: Row, *, in_flight: int, seconds: float) -> str:
    """One line of the table."""
    raws = row.make(min(PREPARED_MAX, int(PREPARED_PER_SECOND * seconds) + 1))
    latencies: list[float] = []
    end = 0.0

    async def send() -> None:
        while raws:
            start = time.perf_counter()
            if start >= end:
                return
            reply = await row.world.connector.receive(row.peer, raws.pop())
            latencies.append(time.perf_counter() - start)
            if reply[0] != FULFILL_TYPE:
                raise AssertionError(reply)

    wall, own, server = time.perf_counter(), time.process_time(), row.server_cpu_s()
    end = wall + seconds
    await asyncio.gather(*(send() for _ in range(in_flight)))
    await row.world.settlement.drain()
    wall, own = time.perf_counter() - wall, time.process_time() - own
    server = row.server_cpu_s() - server
    latencies.sort()
    count = len(latencies)
    return (
        f"{row.name:<22}{row.engine_name:<10}{in_flight:>9}{count / wall:>10,.0f}"
        f"{latencies[count // 2] * 1e3:>9.2f}{latencies[count * 99 // 100] * 1e3:>9.2f}"
        f"{own / count * 1e6:>9.0f}{server / count * 1e6:>9.0f}"
    )


async def new_world(engine: LedgerEngine, link: HttpPeerLink | None = None) -> PacketWorld:
    clock = SystemClock()
    limit = RateLimit(packets_per_second=10**9, burst_packets=10**9)
    return PacketWorld(
        engine=engine,
        clock=clock,
        ids=SystemIds(clock),
        link=link,
        rate_limit=limit,
        first_ledger=1 + secrets.randbelow(LEDGER_MAX),
    )


async def receiving(world: PacketWorld) -> tuple[PeerEntry, Callable[[int], list[bytes]]]:
    """Packets of one unit for a few payments that take any amount."""
    asset = await world.add_asset("USD", 9)
    peer = await world.add_peer(asset, "test.payer", balance=FUNDS)
    payments = [await world.add_payment(asset, None) for _ in range(PAYMENTS)]
    exchanges = [world.exchange(payment) for payment in payments]

    def make(count: int) -> list[bytes]:
        return [packet_for(exchanges[n % PAYMENTS], world) for n in range(count)]

    return peer, make


def packet_for(exchange: Exchange, world: PacketWorld) -> bytes:
    expires_at_ms = world.clock.now_ms() + 600_000
    return encode_prepare(
        exchange.request(amount=1, minimum=1, expires_at_ms=expires_at_ms).prepare
    )


async def forwarding(
    world: PacketWorld, url: str | None
) -> tuple[PeerEntry, Callable[[int], list[bytes]]]:
    """Packets of one unit from one peer to another."""
    asset = await world.add_asset("USD", 9)
    peer = await world.add_peer(asset, "test.payer", balance=FUNDS)
    await world.add_peer(asset, "test.payee", url=url)

    def make(count: int) -> list[bytes]:
        expires_at_ms = world.clock.now_ms() + 600_000
        data = secrets.token_bytes(120)
        prepare = Prepare(1, expires_at_ms, CONDITION, "test.payee.bob", data)
        return [encode_prepare(prepare)] * count

    return peer, make


@contextlib.asynccontextmanager
async def answering_peer() -> AsyncIterator[str]:
    """A peer in a process of its own that fulfils everything at once; gives its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ANSWERING_PEER, str(ROOT / "libs"), stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise AssertionError("the peer has no output")
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/ilp"
    finally:
        process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def embedded_postgres() -> AsyncIterator[tuple[str, Callable[[], float]]]:
    """A durable server, as an operator would run it; gives URL and CPU meter."""
    with tempfile.TemporaryDirectory(prefix="rafiki-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - as root the server is another user
        server = PostgresServer(
            Path(folder) / "data",
            free_port(),
            Path(folder) / "log",
            password=secrets.token_hex(8),
            settings={"shared_buffers": "512MB", "max_wal_size": "4GB"},
        )
        server.start()
        try:
            pid = server.pid
            if pid is None:
                raise AssertionError("the server is not running")
            await upgrade_async(server.url(), "0100_apply_batch")
            yield server.url(), lambda: tree_cpu_s(pid)
        finally:
            server.stop()


Rows = AsyncIterator[Row]


async def rows_of(
    engine_name: str,
    engine: Callable[[], LedgerEngine],
    server_cpu_s: Callable[[], float],
    link: HttpPeerLink,
    peer_url: str,
) -> Rows:
    """The kinds of packets, each in a world of its own."""

    async def row(
        name: str,
        world: PacketWorld,
        scene: Awaitable[tuple[PeerEntry, Callable[[int], list[bytes]]]],
    ) -> Row:
        peer, make = await scene
        return Row(name, engine_name, world, peer, make, server_cpu_s)

    world = await new_world(engine())
    yield await row("received", world, receiving(world))
    world = await new_world(engine())
    yield await row("forwarded", world, forwarding(world, None))
    world = await new_world(engine(), link)
    yield await row("forwarded over HTTP", world, forwarding(world, peer_url))


async def run(options: argparse.Namespace) -> None:
    print(
        f"{'packet':<22}{'ledger':<10}{'in flight':>9}{'per s':>10}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'own us':>9}{'PG us':>9}"
    )
    async with (
        embedded_postgres() as (url, server_cpu_s),
        answering_peer() as peer_url,
        new_session() as session,
    ):
        link = HttpPeerLink(session)

        def postgres() -> LedgerEngine:
            return PostgresLedger(url)

        def memory() -> LedgerEngine:
            return MemoryLedger(clock=SystemClock())

        for rows in (
            rows_of("memory", memory, lambda: 0.0, link, peer_url),
            rows_of("postgres", postgres, server_cpu_s, link, peer_url),
        ):
            async for row in rows:
                if options.profile not in {None, row.name}:
                    continue
                await measure(row, in_flight=64, seconds=options.seconds / 4)
                for in_flight in IN_FLIGHT:
                    with profiled(options.profile is not None and in_flight == IN_FLIGHT[1]):
                        line = await measure(row, in_flight=in_flight, seconds=options.seconds)
                    print(line, flush=True)
                await row.world.ledger.close()


@contextlib.contextmanager
def profiled(active: bool) -> Iterator[None]:
    """Print where the time goes, when asked to."""
    if not active:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each row")
    parser.add_argument("--profile", help="received, forwarded or 'forwarded over HTTP'")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
