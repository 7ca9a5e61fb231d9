"""ConnectorService over gRPC: packets one by one for tools, in batches for peers that agree on it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from ilpkit.errors import RefusedHttpRequestError
from ilpkit.ilp.http_rules import read_bearer
from rafiki.connector.v1 import connector_service_pb2 as pb
from rafiki.connector.v1.connector_service_pb2_grpc import ConnectorServiceServicer
from servicekit.errors import InvalidArgument, Unauthenticated

from services.backend.connector.service import Connector
from services.backend.directory.model import PeerEntry
from services.backend.open_payments_calls import Context

BATCH_PACKETS_MAX: Final = 1000
BATCHES_IN_FLIGHT_MAX: Final = 64


class ConnectorServicer(ConnectorServiceServicer):
    """Translates; the decisions are in the pipeline."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def SendPacket(
        self, request: pb.SendPacketRequest, context: Context
    ) -> pb.SendPacketResponse:
        peer = self._peer(context)
        return pb.SendPacketResponse(reply=await self._connector.receive(peer, request.prepare))

    async def Packets(
        self, request_iterator: AsyncIterator[pb.PacketsRequest], context: Context
    ) -> AsyncIterator[pb.PacketsResponse]:
        peer = self._peer(context)
        replies: asyncio.Queue[pb.PacketsResponse | None] = asyncio.Queue()
        free = asyncio.Semaphore(BATCHES_IN_FLIGHT_MAX)

        async def answer(batch: pb.PacketsRequest) -> None:
            try:
                await replies.put(await self._batch(peer, batch))
            finally:
                free.release()

        async def read() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    async for batch in request_iterator:
                        if not 1 <= len(batch.packets) <= BATCH_PACKETS_MAX:
                            raise InvalidArgument(
                                "INVALID_FIELD",
                                f"a batch has 1 to {BATCH_PACKETS_MAX} packets",
                                field="packets",
                            )
                        await free.acquire()
                        group.create_task(answer(batch))
            finally:
                await replies.put(None)

        reader = asyncio.get_running_loop().create_task(read())
        try:
            while (reply := await replies.get()) is not None:
                yield reply
        finally:
            reader.cancel()
        if not reader.cancelled() and reader.done() and (failed := reader.exception()):
            raise failed

    async def _batch(self, peer: PeerEntry, batch: pb.PacketsRequest) -> pb.PacketsResponse:
        replies = await asyncio.gather(
            *(self._connector.receive(peer, packet.packet) for packet in batch.packets)
        )
        return pb.PacketsResponse(
            packets=[
                pb.SequencedPacket(sequence=packet.sequence, packet=reply)
                for packet, reply in zip(batch.packets, replies, strict=True)
            ]
        )

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
