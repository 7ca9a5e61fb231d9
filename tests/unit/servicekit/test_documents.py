"""Fetching what clients name: bounded, and not into private networks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from servicekit import documents
from servicekit.documents import (
    CONNECTIONS_MAX,
    DOCUMENT_BYTES_MAX,
    LOCAL_FETCHES,
    PRODUCTION_FETCHES,
    FetchFailed,
    FetchRules,
    JsonFetcher,
)


@asynccontextmanager
async def fetcher(rules: FetchRules) -> AsyncIterator[JsonFetcher]:
    made = JsonFetcher(rules=rules)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        path = request.path
        if path == "/small":
            return web.Response(body=b"{}")
        if path == "/large":
            return web.Response(body=b"x" * (DOCUMENT_BYTES_MAX + 1))
        if path == "/hop":
            raise web.HTTPFound("/small")
        if path == "/loop":
            raise web.HTTPFound("/loop")
        if path == "/file":
            raise web.HTTPFound("file:///etc/passwd")
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_get("/{any}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_documents_are_fetched_through_redirects() -> None:
    async with server() as origin, fetcher(LOCAL_FETCHES) as fetch:
        assert await fetch.get(f"{origin}/small") == b"{}"
        assert await fetch.get(f"{origin}/hop") == b"{}"


@pytest.mark.parametrize("path", ["/large", "/loop", "/file", "/missing"])
async def test_what_is_refused_after_asking(path: str) -> None:
    async with server() as origin, fetcher(LOCAL_FETCHES) as fetch:
        with pytest.raises(FetchFailed):
            await fetch.get(origin + path)


@pytest.mark.parametrize(
    "url",
    [
        "http://wallet.example/alice",
        "https://127.0.0.1/alice",
        "https://[::1]/alice",
        "https://10.0.0.1/alice",
        "https://169.254.169.254/latest",
        "https://[::ffff:127.0.0.1]/alice",
        "https://localhost/alice",
        "ftp://wallet.example/alice",
        "https:///alice",
    ],
)
async def test_production_never_asks_its_own_network(url: str) -> None:
    async with fetcher(PRODUCTION_FETCHES) as fetch:
        with pytest.raises(FetchFailed):
            await fetch.get(url)


PUBLIC_BY_NAME_ONLY = FetchRules(http_allowed=True, private_addresses_allowed=False)
SPELLINGS = [
    "127.0.0.1",
    "\uff11\uff12\uff17.0.0.1",  # full-width digits
    "127\u30020\u30020\u30021",  # ideographic full stops
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "0.0.0.0",  # noqa: S104 - called, not bound to
    "localhost",
    "LOCALHOST.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::]",
]


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("redirected", [False, True])
async def test_no_spelling_of_a_private_address_is_connected_to(
    host: str, redirected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/hop":
            raise web.HTTPFound(f"http://{host}:{port}/small")
        return web.Response(body=b"{}")

    app = web.Application()
    app.router.add_get("/{any}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104 - each spelling would reach it
    port = runner.addresses[0][1]
    # One address of this machine stands for the internet, for the hop that redirects.
    real = documents.is_public
    monkeypatch.setattr(documents, "is_public", lambda to: to == "127.0.0.2" or real(to))
    try:
        async with fetcher(PUBLIC_BY_NAME_ONLY) as fetch:
            with pytest.raises(FetchFailed):
                await fetch.get(f"http://{'127.0.0.2' if redirected else host}:{port}/hop")
    finally:
        await runner.cleanup()
    assert asked == (["/hop"] if redirected else [])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("192.168.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
    ],
)
def test_which_addresses_belong_to_the_internet(address: str, public: bool) -> None:
    assert documents.is_public(address) == public


@pytest.mark.parametrize("url", ["http://[::1", "http://", "http:///x", "x", "http://a b/", "\0"])
async def test_what_is_no_url_is_refused(url: str) -> None:
    async with fetcher(LOCAL_FETCHES) as fetch:
        with pytest.raises(FetchFailed):
            await fetch.get(url)


async def test_a_slow_server_leaves_connections_to_the_others() -> None:
    closing = asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        del request
        await closing.wait()
        return web.Response(body=b"{}")

    app = web.Application()
    app.router.add_get("/slow", hold)
    slow = web.AppRunner(app)
    await slow.setup()
    await web.TCPSite(slow, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{slow.addresses[0][1]}/slow"
    async with server() as origin, fetcher(LOCAL_FETCHES) as fetch:
        waiting = [asyncio.create_task(fetch.get(url)) for _ in range(2 * CONNECTIONS_MAX)]
        await asyncio.sleep(0)
        assert await fetch.get(f"{origin}/small") == b"{}"
        assert not any(each.done() for each in waiting)
        closing.set()
        assert set(await asyncio.gather(*waiting)) == {b"{}"}
    await slow.cleanup()


async def test_nobody_there() -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    async with fetcher(LOCAL_FETCHES) as fetch:
        with pytest.raises(FetchFailed):
            await fetch.get(f"http://127.0.0.1:{port}/alice")
