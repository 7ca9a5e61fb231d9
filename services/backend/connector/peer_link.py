"""ILP-over-HTTP towards peers (RFC 35, synchronous): one POST a packet over kept connections."""

from typing import Final

import aiohttp
from ilpkit.errors import RemoteProtocolError
from ilpkit.ilp.error_codes import T01_PEER_UNREACHABLE
from ilpkit.ilp.http_rules import prepare_headers, read_prepare_response
from ilpkit.ilp.packet import Prepare, Reply, encode_prepare

from services.backend.directory.model import PeerEntry

REPLY_BYTES_MAX: Final = 48 * 1024
"""The largest Reject: its data, message, address and envelope fit well within."""


class HttpPeerLink:
    """Carries packets to the connector URLs of peers."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, peer: PeerEntry, prepare: Prepare, *, timeout_ms: int) -> Reply:
        """The peer's reply; see PeerLink."""
        url = peer.peer.outgoing_endpoint
        try:
            async with self._session.post(
                url,
                data=encode_prepare(prepare),
                headers=prepare_headers(peer.peer.outgoing_token),
                timeout=aiohttp.ClientTimeout(total=timeout_ms / 1000),
                allow_redirects=False,
            ) as response:
                body = await response.content.read(REPLY_BYTES_MAX)
                while len(body) < REPLY_BYTES_MAX and not response.content.at_eof():
                    body += await response.content.read(REPLY_BYTES_MAX - len(body))
                reply = read_prepare_response(response.status, body)
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise RemoteProtocolError(
                f"{peer.peer.static_ilp_address} can't be reached: {type(error).__name__}",
                ilp_code=T01_PEER_UNREACHABLE,
            ) from error
        if reply is None:
            raise RemoteProtocolError(
                f"{peer.peer.static_ilp_address} answers later, which was not asked for",
                ilp_code=T01_PEER_UNREACHABLE,
            )
        return reply
