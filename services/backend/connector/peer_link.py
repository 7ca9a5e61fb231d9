"""ILP-over-HTTP towards peers (RFC 35, synchronous): one POST a packet over kept connections."""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import aiohttp
from ilpkit.errors import FailedHttpReplyError, UnknownOutcomeError
from ilpkit.ilp.error_codes import T01_PEER_UNREACHABLE
from ilpkit.ilp.http_rules import (
    ANSWERS_REPEATS,
    prepare_headers,
    read_prepare_response,
    was_not_carried_out,
)
from ilpkit.ilp.packet import Prepare, Reply, encode_prepare
from servicekit.tracing import Tracing

from services.backend.connector.outcome import NotSentError
from services.backend.directory.model import PeerEntry

REPLY_BYTES_MAX: Final = 48 * 1024
"""The largest Reject: its data, message, address and envelope fit well within."""
CONNECTIONS_MAX: Final = 256
"""To one peer: a peer that answers nothing holds its own connections and nobody else's."""
KEEPALIVE_S: Final = 60
CONNECT_S_MAX: Final = 5.0
"""For a free connection or a new one; after half of the packet's time at the latest."""

_REPEATS_HEADER, _REPEATS_VALUE = ANSWERS_REPEATS
_PROXYS_OWN: Final = frozenset({502, 503, 504})
"""What a proxy answers while the peer behind it is away."""


def new_peer_session() -> aiohttp.ClientSession:
    """A session for packets alone, bounded for each peer and not for all of them together."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, limit_per_host=CONNECTIONS_MAX, keepalive_timeout=KEEPALIVE_S
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


class HttpPeerLink:
    """Carries packets to the connector URLs of peers; remembers who answers repeats."""

    def __init__(self, session: aiohttp.ClientSession, *, tracing: Tracing | None = None) -> None:
        self._session = session
        self._tracing = tracing
        self._answering_repeats: set[UUID] = set()
        self._asking: dict[UUID, asyncio.Task[bool | None]] = {}

    async def answers_repeats(self, peer: PeerEntry, *, timeout_ms: int) -> bool | None:
        """Whether the peer's last answer said that a packet may be sent to it again.

        A peer that has not answered this process yet, or that is of another make, is asked by a
        request without a packet, which every peer refuses. None when nobody answers now.
        """
        if peer.peer.id in self._answering_repeats:
            return True
        asking = self._asking.get(peer.peer.id)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(peer, timeout_ms))
            self._asking[peer.peer.id] = asking
            asking.add_done_callback(lambda _: self._asking.pop(peer.peer.id, None))
        return await asyncio.shield(asking)

    async def _ask(self, peer: PeerEntry, timeout_ms: int) -> bool | None:
        timeout_s = min(timeout_ms / 1000, CONNECT_S_MAX)
        try:
            async with self._session.post(
                peer.peer.outgoing_endpoint,
                data=b"",
                headers=prepare_headers(peer.peer.outgoing_token),
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                self._remember(peer.peer.id, response)
                if peer.peer.id in self._answering_repeats:
                    return True
                return None if response.status in _PROXYS_OWN else False
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def send(
        self, peer: PeerEntry, prepare: Prepare, *, request_id: str, timeout_ms: int
    ) -> Reply:
        """The peer's reply; see PeerLink."""
        headers = prepare_headers(peer.peer.outgoing_token, request_id=request_id)
        if self._tracing is None or not self._tracing.recording:
            return await self._post(peer, prepare, headers, timeout_ms)
        about = {"ilp.peer": peer.peer.static_ilp_address, "ilp.request_id": request_id}
        with self._tracing.calling("ILP packet", about) as trace:
            return await self._post(peer, prepare, {**headers, **trace}, timeout_ms)

    async def _post(
        self, peer: PeerEntry, prepare: Prepare, headers: Mapping[str, str], timeout_ms: int
    ) -> Reply:
        address, timeout_s = peer.peer.static_ilp_address, timeout_ms / 1000
        try:
            async with self._session.post(
                peer.peer.outgoing_endpoint,
                data=encode_prepare(prepare),
                headers=headers,
                timeout=aiohttp.ClientTimeout(
                    total=timeout_s, connect=min(CONNECT_S_MAX, timeout_s / 2)
                ),
                allow_redirects=False,
            ) as response:
                self._remember(peer.peer.id, response)
                body = await response.content.read(REPLY_BYTES_MAX)
                while len(body) < REPLY_BYTES_MAX and not response.content.at_eof():
                    body += await response.content.read(REPLY_BYTES_MAX - len(body))
                status = response.status
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        ) as error:
            raise NotSentError(
                f"{address} can't be reached: {type(error).__name__}",
                ilp_code=T01_PEER_UNREACHABLE,
            ) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnknownOutcomeError(f"{address} gave no reply: {type(error).__name__}") from error
        return _read(address, status, body)

    def _remember(self, peer_id: UUID, response: aiohttp.ClientResponse) -> None:
        if response.headers.get(_REPEATS_HEADER) == _REPEATS_VALUE:
            self._answering_repeats.add(peer_id)
        elif response.ok:
            # An error may come from a proxy that knows nothing of the peer behind it.
            self._answering_repeats.discard(peer_id)


def _read(address: str, status: int, body: bytes) -> Reply:
    try:
        reply = read_prepare_response(status, body)
    except FailedHttpReplyError as error:
        if was_not_carried_out(status):
            raise NotSentError(
                f"{address} refused the request: {error.message}", ilp_code=error.ilp_code
            ) from error
        raise UnknownOutcomeError(f"{address} gave no reply: {error.message}") from error
    if reply is None:
        raise UnknownOutcomeError(f"{address} answers later, which was not asked for")
    return reply
