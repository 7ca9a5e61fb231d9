"""Fetching what clients name: bounded, and not into private networks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from servicekit.documents import (
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


async def test_nobody_there() -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    async with fetcher(LOCAL_FETCHES) as fetch:
        with pytest.raises(FetchFailed):
            await fetch.get(f"http://127.0.0.1:{port}/alice")
