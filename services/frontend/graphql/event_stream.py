"""A subscription's answers as server-sent events, until it ends or the client goes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

import orjson
from strawberry.http.streaming import SSETransport, merge_stream_with_heartbeat

_TRANSPORT: Final = SSETransport()


def accepts_events(accept: bytes) -> bool:
    """Whether a client takes server-sent events."""
    return _TRANSPORT.accepts(accept.decode("latin-1"))


async def send_events(
    answers: AsyncIterator[dict[str, Any]],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Send each answer when it is there."""
    headers = [
        (name.lower().encode(), value.encode()) for name, value in _TRANSPORT.headers.items()
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    sending = asyncio.create_task(_send_all(answers, send))
    gone = asyncio.create_task(_wait_until_gone(receive))
    try:
        await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        for task in (sending, gone):
            task.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)


async def _send_all(
    answers: AsyncIterator[dict[str, Any]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    async def texts() -> AsyncGenerator[str, None]:
        async for answer in answers:
            yield _TRANSPORT.encode_next(answer, _json)  # type: ignore[arg-type] # a plain dict
        yield _TRANSPORT.encode_complete()

    events = merge_stream_with_heartbeat(
        texts,
        lambda: _TRANSPORT.heartbeat_message(_json),
        _TRANSPORT.heartbeat_interval,
        send_initial_heartbeat=False,
    )
    async for text in events():
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _wait_until_gone(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
