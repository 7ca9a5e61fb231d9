"""ConnectorService over gRPC: packets one by one for tools, in batches for peers that agree."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from ilpkit.errors import RefusedHttpRequestError, UnknownOutcomeError
from ilpkit.ilp.http_rules import read_bearer
from rafiki.connector.v1 import connector_service_pb2 as pb
from rafiki.connector.v1.connector_service_pb2_grpc import ConnectorServiceServicer
from servicekit.errors import DeadlineExceeded, Unauthenticated

from services.backend.callers.context import Context
from services.backend.connector.service import Connector
from services.backend.directory.model import PeerEntry

BATCH_PACKETS_MAX: Final = 1000
BATCHES_IN_FLIGHT_MAX: Final = 64

Replies = asyncio.Queue[pb.PacketsResponse | None]


class ConnectorServicer(ConnectorServiceServicer):
    """Translates; the decisions are in the pipeline."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._flying: set[asyncio.Task[bytes]] = set()

    async def SendPacket(
        self, request: pb.SendPacketRequest, context: Context
    ) -> pb.SendPacketResponse:
        peer = self._peer(context)
        flying = asyncio.get_running_loop().create_task(
            self._connector.receive(peer, request.prepare)
        )
        self._flying.add(flying)
        flying.add_done_callback(self._flying.discard)
        # A caller that goes away leaves a packet that may be fulfilled and must be settled.
        try:
            return pb.SendPacketResponse(reply=await asyncio.shield(flying))
        except UnknownOutcomeError as unknown:
            raise DeadlineExceeded(
                "DEADLINE", f"the packet's outcome is not known: {unknown}"
            ) from unknown

    async def Packets(
        self, request_iterator: AsyncIterator[pb.PacketsRequest], context: Context
    ) -> AsyncIterator[pb.PacketsResponse]:
        replies: Replies = asyncio.Queue()
        reader = asyncio.get_running_loop().create_task(
            self._read(self._peer(context), request_iterator, replies)
        )
        try:
            while (reply := await replies.get()) is not None:
                yield reply
            await reader
        finally:
            reader.cancel()

    async def _read(
        self, peer: PeerEntry, batches: AsyncIterator[pb.PacketsRequest], replies: Replies
    ) -> None:
        """Answer each batch when it is ready; None goes last. Raises the stream's error."""
        free = asyncio.Semaphore(BATCHES_IN_FLIGHT_MAX)
        flying: set[asyncio.Task[None]] = set()

        async def answer(batch: pb.PacketsRequest) -> None:
            try:
                replies.put_nowait(await self._batch(peer, batch))
            finally:
                free.release()

        try:
            async for batch in batches:
                await free.acquire()
                task = asyncio.get_running_loop().create_task(answer(batch))
                flying.add(task)
                task.add_done_callback(flying.discard)
        finally:
            # Also when the caller went away: what flies may be fulfilled and must be settled.
            await asyncio.gather(*flying)
            replies.put_nowait(None)

    async def _batch(self, peer: PeerEntry, batch: pb.PacketsRequest) -> pb.PacketsResponse:
        """The replies to one batch; whatever is wrong with it, the other batches have theirs."""
        if len(batch.packets) > BATCH_PACKETS_MAX:
            too_many = f"not looked at: a batch has no more than {BATCH_PACKETS_MAX} packets"
            replies = [self._connector.refuse(too_many)] * len(batch.packets)
        else:
            replies = await asyncio.gather(
                *(self._reply(peer, packet.packet) for packet in batch.packets)
            )
        return pb.PacketsResponse(
            packets=[
                pb.SequencedPacket(sequence=packet.sequence, packet=reply)
                for packet, reply in zip(batch.packets, replies, strict=True)
            ]
        )

    async def _reply(self, peer: PeerEntry, packet: bytes) -> bytes:
        """The reply; nothing where the packet's outcome is not known."""
        try:
            return await self._connector.receive(peer, packet)
        except UnknownOutcomeError:
            return b""

    def _peer(self, context: Context) -> PeerEntry:
        metadata = dict(context.invocation_metadata() or ())
        try:
            token = read_bearer(str(metadata.get("authorization", "")))
        except RefusedHttpRequestError:
            token = ""
        peer = self._connector.peer_of_token(token) if token else None
        if peer is None:
            raise Unauthenticated(
                "CREDENTIALS_MISSING", "authorization must be `Bearer <token>` of a peer"
            )
        return peer
