"""The connector as its users see it: packets from peers, and packets of this node's payments."""

from ilpkit.errors import RemoteProtocolError
from ilpkit.ilp.error_codes import F00_BAD_REQUEST
from ilpkit.ilp.packet import Prepare, Reject, Reply, decode_prepare, encode_reply
from servicekit.clock import Clock

from services.backend.assets.model import Asset
from services.backend.connector.context import PacketContext, Source, peer_source
from services.backend.connector.pipeline import Next
from services.backend.directory.model import PeerEntry
from services.backend.directory.worker import Directory
from services.backend.ledger.rules.accounting import Side
from services.backend.outgoing_payments.model import OutgoingPayment


class Connector:
    """Runs packets through the pipeline."""

    def __init__(
        self, *, pipeline: Next, directory: Directory, clock: Clock, ilp_address: str
    ) -> None:
        self._pipeline = pipeline
        self._directory = directory
        self._clock = clock
        self._ilp_address = ilp_address

    def peer_of_token(self, token: str) -> PeerEntry | None:
        """The peer that a bearer token belongs to."""
        return self._directory.snapshot.peer_of_token(token)

    async def receive(self, peer: PeerEntry, raw: bytes, *, request_id: str | None = None) -> bytes:
        """The reply to a peer's packet, both in bytes; bad packets get a Reject.

        A repeat of a packet under its request id gets the answer of the first, and moves no money.

        Raises:
            UnknownOutcomeError: the packet may be fulfilled, or not; there is no reply.
        """
        try:
            prepare = decode_prepare(raw)
        except RemoteProtocolError as error:
            return encode_reply(Reject(error.ilp_code, self._ilp_address, str(error), b""))
        return encode_reply(await self._run(prepare, peer_source(peer), request_id))

    def refuse(self, message: str) -> bytes:
        """The reply to a packet that nobody looks at."""
        return encode_reply(Reject(F00_BAD_REQUEST, self._ilp_address, message, b""))

    async def send(
        self,
        prepare: Prepare,
        payment: OutgoingPayment,
        asset: Asset,
        *,
        fulfillable: bool = True,
    ) -> Reply:
        """Route one packet, paid from an outgoing payment's account.

        One that nobody can fulfill holds no money once its reply is lost.

        Raises:
            UnknownOutcomeError: there is no reply; the ledger holds the packet's money.
        """
        source = Source(
            side=Side(
                account_id=payment.id.int, ledger=asset.ledger, asset_account_id=asset.id.int
            ),
            asset=asset,
            tenant_id=payment.tenant_id,
            peer=None,
            cause_id=payment.id.int,
        )
        return await self._run(prepare, source, None, fulfillable=fulfillable)

    async def _run(
        self,
        prepare: Prepare,
        source: Source,
        request_id: str | None,
        *,
        fulfillable: bool = True,
    ) -> Reply:
        context = PacketContext(
            prepare=prepare,
            source=source,
            snapshot=self._directory.snapshot,
            now_ms=self._clock.now_ms(),
            request_id=request_id,
            fulfillable=fulfillable,
        )
        return await self._pipeline(context)
