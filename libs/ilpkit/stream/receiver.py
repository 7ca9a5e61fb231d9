"""The stateless STREAM receiver: what an incoming Prepare asks for, and the reply to it.

Rules of this file:
1. `Receiver.open` needs nothing but the packet: its address carries the connection's details and
   key.
2. Checks run in this order: our address (F02), our token (F06), authentic data (F06), a Prepare
   inside (F00), a connection that its sender closes (F99). What passes is an `Incoming`; no money
   has moved yet.
3. The caller moves the money between `open` and `fulfill`. It fulfills, declines, or refuses a
   packet that is not fulfillable; each makes one sealed reply that repeats the packet's sequence.
4. A packet below its minimum is never fulfillable, of whatever amount. (The npm receiver
   0.3.3-alpha.4 fulfills those of amount zero.)
"""

import hashlib
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, final

from ilpkit.errors import LocalProtocolError, RemoteProtocolError, UnexpectedStreamTypeError
from ilpkit.ilp.condition import fulfills
from ilpkit.ilp.error_codes import (
    F04_INSUFFICIENT_DESTINATION_AMOUNT,
    F05_WRONG_CONDITION,
    F06_UNEXPECTED_PAYMENT,
    F99_APPLICATION_ERROR,
)
from ilpkit.ilp.packet import FULFILL_TYPE, PREPARE_TYPE, REJECT_TYPE, Fulfill, Prepare, Reject
from ilpkit.money import Asset
from ilpkit.stream.credentials import ConnectionDetails, CredentialsFactory
from ilpkit.stream.crypto import IV_BYTES, RandomBytes, StreamKeys
from ilpkit.stream.frames import (
    CloseCode,
    ConnectionAssetDetails,
    ConnectionClose,
    ConnectionNewAddress,
    Frame,
    StreamData,
    StreamMaxMoney,
    StreamReceipt,
    encode_frames,
)
from ilpkit.stream.packet import StreamPacket, decode_stream_packet, encode_stream_head
from ilpkit.stream.receipts import Receipt, encode_receipt

REMEMBERED_CONNECTIONS_MAX: Final = 10_000
"""Connections whose keys are kept ready; any other costs two HMACs and a decryption more."""
DEFAULT_STREAM_ID: Final = 1
"""The stream that stateless receivers count all money on."""


class RefusalDialect(Enum):
    """The codes that refuse a packet which is (below its minimum, of another condition).

    All senders in use understand F99; @interledger/pay 0.4.0-alpha.9 gives up at F04 and F05.
    """

    APPLICATION_ERROR = (F99_APPLICATION_ERROR, F99_APPLICATION_ERROR)
    PRECISE = (F04_INSUFFICIENT_DESTINATION_AMOUNT, F05_WRONG_CONDITION)


class Connection(NamedTuple):
    """What the receiver knows of a connection from its address alone."""

    address: str
    details: ConnectionDetails
    keys: StreamKeys

    @property
    def connection_id(self) -> str:
        """SHA-256 of the connection's address, in hexadecimal; worked out at each call."""
        return hashlib.sha256(self.address.encode("ascii")).hexdigest()


@final
class Incoming:
    """An authentic packet that waits for its reply."""

    __slots__ = (
        "_fulfillment",
        "_prepare",
        "_receiver",
        "_replied_frames",
        "connection",
        "frames",
        "min_amount",
        "refusal_code",
        "sequence",
    )

    def __init__(
        self,
        *,
        receiver: "Receiver",
        prepare: Prepare,
        connection: Connection,
        packet: StreamPacket,
        fulfillment: bytes,
        replied_frames: tuple[Frame, ...],
        refusal_code: str | None,
    ) -> None:
        self._receiver = receiver
        self._prepare = prepare
        self._fulfillment = fulfillment
        self._replied_frames = replied_frames
        self.connection = connection
        self.sequence = packet.sequence
        self.min_amount = packet.prepare_amount
        """The least that the sender lets the receiver accept, in the receiver's units."""
        self.frames = packet.frames
        self.refusal_code = refusal_code
        """The code that refuses a packet which must not be fulfilled; None for one that may."""

    @property
    def fulfillable(self) -> bool:
        """Whether the condition is ours and the amount reaches the minimum; probes are not."""
        return self.refusal_code is None

    @property
    def is_probe(self) -> bool:
        """Whether nobody can fulfill it, whatever it brings."""
        return not fulfills(self._fulfillment, self._prepare.condition)

    @property
    def amount(self) -> int:
        """What the packet brings, in the receiver's units."""
        return self._prepare.amount

    @property
    def connection_id(self) -> str:
        """As `Connection.connection_id`."""
        return self.connection.connection_id

    @property
    def payment_tag(self) -> str | None:
        """What the receiver filed this connection's money under when it made the address."""
        return self.connection.details.payment_tag

    @property
    def asset(self) -> Asset | None:
        """The asset that the receiver promised when it made the address."""
        return self.connection.details.asset

    def fulfill(
        self,
        received_amount: int | None = None,
        *,
        total_received: int | None = None,
        receive_max: int | None = None,
        frames: tuple[Frame, ...] = (),
    ) -> Fulfill:
        """The reply that takes the money; `LocalProtocolError` if the packet is not fulfillable.

        Args:
            received_amount: What was credited, in the receiver's units; by default the packet's
                amount.
            total_received: Credited on this connection so far, this packet included. It goes into
                the receipt, if the address asks for receipts, and beside `receive_max`.
            receive_max: The most this connection may receive in all, announced to the sender.
            frames: Further frames for the sender.
        """
        if self.refusal_code is not None:
            raise LocalProtocolError("a probe, or a packet below its minimum, can't be fulfilled")
        amount = self._prepare.amount if received_amount is None else received_amount
        answer = (
            self._replied_frames
            + self._receipt_frames(total_received)
            + _maximum_frames(receive_max, total_received)
            + frames
        )
        return Fulfill(self._fulfillment, self._seal(FULFILL_TYPE, amount, answer))

    def refuse(
        self,
        *,
        total_received: int | None = None,
        receive_max: int | None = None,
        frames: tuple[Frame, ...] = (),
    ) -> Reject:
        """The reply to a packet that is not fulfillable; arguments as in `fulfill`."""
        if self.refusal_code is None:
            raise LocalProtocolError("nothing is wrong with this packet: fulfill or decline it")
        answer = _maximum_frames(receive_max, total_received) + frames
        return self.decline(self.refusal_code, frames=answer)

    def decline(
        self,
        code: str = F99_APPLICATION_ERROR,
        *,
        frames: tuple[Frame, ...] = (),
        data: bytes = b"",
        close: bool = False,
        message: str = "",
    ) -> Reject:
        """The reply that does not take the money.

        Args:
            code: The ILP error code.
            frames: Further frames for the sender.
            data: Bytes for the sending application, on the default stream.
            close: Whether the connection is over for good.
            message: For people, outside of the encryption.
        """
        answer = self._replied_frames
        if close:
            answer += (ConnectionClose(CloseCode.NO_ERROR),)
        if data:
            answer += (StreamData(DEFAULT_STREAM_ID, 0, data),)
        sealed = self._seal(REJECT_TYPE, self._prepare.amount, answer + frames)
        return Reject(code, self._receiver.address, message, sealed)

    def _receipt_frames(self, total_received: int | None) -> tuple[Frame, ...]:
        setup = self.connection.details.receipt_setup
        if setup is None or total_received is None:
            return ()
        receipt = Receipt(setup.nonce, DEFAULT_STREAM_ID, total_received)
        raw = encode_receipt(receipt, secret=setup.secret)
        return (StreamReceipt(DEFAULT_STREAM_ID, raw),)

    def _seal(self, ilp_type: int, amount: int, frames: tuple[Frame, ...]) -> bytes:
        plaintext = encode_stream_head(self.sequence, ilp_type, amount) + encode_frames(frames)
        return self.connection.keys.seal(plaintext, self._receiver.random_bytes(IV_BYTES))


@final
class Receiver:
    """Opens the packets of all connections that one server's credentials make."""

    __slots__ = (
        "_below_minimum_code",
        "_connection",
        "_credentials",
        "_wrong_condition_code",
        "address",
        "random_bytes",
    )

    def __init__(
        self,
        *,
        credentials: CredentialsFactory,
        random_bytes: RandomBytes,
        dialect: RefusalDialect = RefusalDialect.APPLICATION_ERROR,
        connections_max: int = REMEMBERED_CONNECTIONS_MAX,
    ) -> None:
        self._credentials = credentials
        self._below_minimum_code, self._wrong_condition_code = dialect.value
        self._connection = lru_cache(maxsize=connections_max)(self._open_connection)
        self.address = credentials.base_address
        """The server's address, which its Rejects name."""
        self.random_bytes = random_bytes
        """Where replies take their IVs from."""

    def connection_of(self, destination: str) -> Connection:
        """What the address says; `ForeignAddressError` or `InvalidTokenError` if it is not ours."""
        return self._connection(self._credentials.token_segment(destination))

    def open(self, prepare: Prepare) -> Incoming | Reject:
        """The authentic packet inside, or the Reject that answers it at once."""
        try:
            connection = self.connection_of(prepare.destination)
            packet = _open_packet(connection.keys, prepare.data)
        except RemoteProtocolError as error:
            return Reject(error.ilp_code, self.address, error.message)
        fulfillment = connection.keys.fulfillment(prepare.data)
        closing, replied_frames = _answer_frames(packet.frames, connection.details.asset)
        incoming = Incoming(
            receiver=self,
            prepare=prepare,
            connection=connection,
            packet=packet,
            fulfillment=fulfillment,
            replied_frames=replied_frames,
            refusal_code=self._refusal_code(prepare, fulfillment, packet.prepare_amount),
        )
        return incoming.decline(close=True) if closing else incoming

    def _refusal_code(self, prepare: Prepare, fulfillment: bytes, min_amount: int) -> str | None:
        if not fulfills(fulfillment, prepare.condition):
            return self._wrong_condition_code
        return self._below_minimum_code if prepare.amount < min_amount else None

    def _open_connection(self, segment: str) -> Connection:
        token = self._credentials.open_segment(segment)
        return Connection(
            f"{self.address}.{segment}", token.details, StreamKeys(token.shared_secret)
        )


def _open_packet(keys: StreamKeys, data: bytes) -> StreamPacket:
    plaintext = keys.open(data)
    try:
        packet = decode_stream_packet(plaintext)
    except RemoteProtocolError as error:
        raise RemoteProtocolError(error.message, ilp_code=F06_UNEXPECTED_PAYMENT) from None
    if packet.ilp_type != PREPARE_TYPE:
        raise UnexpectedStreamTypeError(f"STREAM packet of type {packet.ilp_type} in a Prepare")
    return packet


def _answer_frames(
    frames: tuple[Frame, ...], asset: Asset | None
) -> tuple[bool, tuple[Frame, ...]]:
    """Whether the sender closes the connection, and what its frames call for in any reply."""
    replied_frames: tuple[Frame, ...] = ()
    for frame in frames:
        if isinstance(frame, ConnectionClose):
            return True, ()
        if isinstance(frame, ConnectionNewAddress) and asset is not None:
            replied_frames = (ConnectionAssetDetails(asset.code, asset.scale),)
    return False, replied_frames


def _maximum_frames(receive_max: int | None, total_received: int | None) -> tuple[Frame, ...]:
    if receive_max is None:
        return ()
    return (StreamMaxMoney(DEFAULT_STREAM_ID, receive_max, total_received or 0),)
