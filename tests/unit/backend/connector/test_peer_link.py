"""What became of a packet, towards a real peer that misbehaves at each point of an exchange."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from ilpkit.errors import UnknownOutcomeError
from ilpkit.ilp.packet import Fulfill, Prepare, Reject, Reply, encode_reply

from services.backend.connector.outcome import NotSentError
from services.backend.connector.peer_link import CONNECTIONS_MAX, HttpPeerLink, new_peer_session
from services.backend.directory.model import PeerEntry
from tests.support.packet_world import FULFILLMENT, PacketWorld
from tests.support.postgres import free_port

REQUEST_ID = "6e1ef12e-6b80-4a41-8f7f-3c3a5b0c9d6e"
FULFILL = Fulfill(FULFILLMENT, b"")
REJECT = Reject("F99", "test.to", "no", b"")
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """One whole request; the reader's headers are followed by a body of the length they give."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    return head + await reader.readexactly(length)


def says(raw: bytes, *, then_reset: bool = False) -> Behaviour:
    """Reads the request and answers with these bytes, or with their beginning."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(raw)
        await writer.drain()
        if then_reset:
            writer.transport.abort()

    return behave


async def closes_unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.transport.abort()


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await request_of(reader)
    await reader.read()


@asynccontextmanager
async def peer_that(behave: Behaviour) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side went away, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ilp"
    finally:
        server.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_peer_session() as made:
        yield made


@pytest.fixture
async def entry() -> PeerEntry:
    world = PacketWorld()
    return await world.add_peer(await world.add_asset("USD", 2), "test.to")


def at(entry: PeerEntry, url: str) -> PeerEntry:
    return replace(entry, peer=replace(entry.peer, outgoing_endpoint=url))


def prepare() -> Prepare:
    return Prepare(10, 1_900_000_000_000, bytes(32), "test.to.bob", b"")


async def send(link: HttpPeerLink, entry: PeerEntry, timeout_ms: int = 2_000) -> Reply:
    return await link.send(entry, prepare(), request_id=REQUEST_ID, timeout_ms=timeout_ms)


@pytest.mark.parametrize("reply", [FULFILL, REJECT])
async def test_a_reply_is_the_outcome(
    session: aiohttp.ClientSession, entry: PeerEntry, reply: Reply
) -> None:
    async with peer_that(says(answer(encode_reply(reply)))) as url:
        assert await send(HttpPeerLink(session), at(entry, url)) == reply


async def test_a_reply_that_was_read_counts_whatever_comes_after_it(
    session: aiohttp.ClientSession, entry: PeerEntry
) -> None:
    raw = answer(encode_reply(FULFILL))
    async with peer_that(says(raw, then_reset=True)) as url:
        assert await send(HttpPeerLink(session), at(entry, url)) == FULFILL


@pytest.mark.parametrize("url", ["closed port", "http://nobody.invalid/ilp", "http://"])
async def test_what_can_not_be_connected_to_got_nothing(
    session: aiohttp.ClientSession, entry: PeerEntry, url: str
) -> None:
    if url == "closed port":
        url = f"http://127.0.0.1:{free_port()}/ilp"
    with pytest.raises(NotSentError) as caught:
        await send(HttpPeerLink(session), at(entry, url))
    assert caught.value.ilp_code == "T01"


@pytest.mark.parametrize(
    ("status", "code"),
    [("401 No", "T01"), ("404 No", "T01"), ("302 Found", "T01"), ("400 No", "F00")],
)
async def test_a_request_that_was_refused_got_nowhere(
    session: aiohttp.ClientSession, entry: PeerEntry, status: str, code: str
) -> None:
    async with peer_that(says(answer(b"no", status))) as url:
        with pytest.raises(NotSentError) as caught:
            await send(HttpPeerLink(session), at(entry, url))
        assert caught.value.ilp_code == code


HALF = answer(encode_reply(FULFILL))[:-5]


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(closes_unread, id="closed before it read"),
        pytest.param(says(b"", then_reset=True), id="reset after it read"),
        pytest.param(says(b""), id="closed after it read"),
        pytest.param(says(HALF), id="closed amid its reply"),
        pytest.param(says(HALF, then_reset=True), id="reset amid its reply"),
        pytest.param(says(HALF[:9]), id="closed amid its status line"),
        pytest.param(says(answer(b"no", "502 Bad Gateway")), id="502 of a proxy"),
        pytest.param(says(answer(b"", "503 Down")), id="503 of a proxy"),
        pytest.param(says(answer(b"", "408 Late")), id="408 of a proxy"),
        pytest.param(says(answer(encode_reply(REJECT), "500 Oops")), id="a Reject under 500"),
        pytest.param(says(answer(b"<html>")), id="a page under 200"),
        pytest.param(says(answer(b"", "202 Accepted")), id="later, unasked"),
        pytest.param(says(b"\x00\x01 no HTTP\r\n\r\n"), id="no HTTP"),
    ],
)
async def test_after_the_first_byte_may_have_left_nothing_but_a_reply_tells(
    session: aiohttp.ClientSession, entry: PeerEntry, behave: Behaviour
) -> None:
    async with peer_that(behave) as url:
        with pytest.raises(UnknownOutcomeError):
            await send(HttpPeerLink(session), at(entry, url))


async def test_silence_tells_nothing(session: aiohttp.ClientSession, entry: PeerEntry) -> None:
    async with peer_that(never_answers) as url:
        with pytest.raises(UnknownOutcomeError):
            await send(HttpPeerLink(session), at(entry, url), timeout_ms=60)


async def test_a_frozen_peer_holds_no_other_peers_packets(
    session: aiohttp.ClientSession, entry: PeerEntry
) -> None:
    link = HttpPeerLink(session)
    async with peer_that(never_answers) as frozen, peer_that(says(answer(b"", "404 x"))) as other:
        held = [
            asyncio.create_task(send(link, at(entry, frozen), timeout_ms=30_000))
            for _ in range(CONNECTIONS_MAX + 50)
        ]
        with pytest.raises(NotSentError):
            await send(link, at(entry, other))
        assert not any(task.done() for task in held)
        for task in held:
            task.cancel()
        await asyncio.wait(held)


async def test_what_waits_for_a_connection_in_vain_was_not_sent(entry: PeerEntry) -> None:
    connector, connected = aiohttp.TCPConnector(limit_per_host=1), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await never_answers(reader, writer)

    async with aiohttp.ClientSession(connector=connector) as session:
        link = HttpPeerLink(session)
        async with peer_that(hold) as url:
            first = asyncio.create_task(send(link, at(entry, url), timeout_ms=30_000))
            await connected.wait()
            with pytest.raises(NotSentError):
                await send(link, at(entry, url), timeout_ms=200)
            first.cancel()
            await asyncio.wait([first])


async def test_every_packet_carries_its_request_id(
    session: aiohttp.ClientSession, entry: PeerEntry
) -> None:
    seen: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(answer(encode_reply(FULFILL)))
        await writer.drain()

    async with peer_that(listen) as url:
        await send(HttpPeerLink(session), at(entry, url))
    assert f"request-id: {REQUEST_ID}".encode() in seen[0].lower()


async def answers_repeats(link: HttpPeerLink, entry: PeerEntry) -> bool | None:
    return await link.answers_repeats(entry, timeout_ms=2_000)


async def test_only_a_peer_that_says_so_answers_repeats(
    session: aiohttp.ClientSession, entry: PeerEntry
) -> None:
    link = HttpPeerLink(session)
    saying = answer(encode_reply(FULFILL), headers="ILP-Answers-Repeats: 1\r\n")
    async with peer_that(says(saying)) as url:
        await send(link, at(entry, url))
    assert await answers_repeats(link, entry)
    # A proxy's error says nothing about the peer behind it; another node's reply does.
    async with peer_that(says(answer(b"", "503 Down"))) as url:
        with pytest.raises(UnknownOutcomeError):
            await send(link, at(entry, url))
        assert await answers_repeats(link, entry)
    async with peer_that(says(answer(encode_reply(FULFILL)))) as url:
        await send(link, at(entry, url))
        assert await answers_repeats(link, at(entry, url)) is False


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        (answer(b"{}", "400 Bad", headers="ILP-Answers-Repeats: 1\r\n"), True),
        (answer(b"{}", "401 No", headers="ILP-Answers-Repeats: 1\r\n"), True),
        (answer(b"{}", "400 Bad"), False),
        (answer(b"{}", "500 Broken"), False),
        (answer(b"", "503 Down"), None),
        (answer(b"", "502 Gone"), None),
    ],
)
async def test_a_peer_that_never_answered_is_asked_once_for_all_who_want_to_know(
    session: aiohttp.ClientSession, entry: PeerEntry, raw: bytes, known: bool | None
) -> None:
    asked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(raw)
        await writer.drain()

    link = HttpPeerLink(session)
    async with peer_that(listen) as url:
        wanted = [answers_repeats(link, at(entry, url)) for _ in range(5)]
        assert await asyncio.gather(*wanted) == [known] * 5
    assert len(asked) == 1
    assert b"content-length: 0" in asked[0].lower()


async def test_of_a_peer_that_is_away_nothing_is_known(
    session: aiohttp.ClientSession, entry: PeerEntry
) -> None:
    url = f"http://127.0.0.1:{free_port()}/ilp"
    assert await answers_repeats(HttpPeerLink(session), at(entry, url)) is None
