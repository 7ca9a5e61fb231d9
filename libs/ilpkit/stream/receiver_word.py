"""What a receiver said in the frames of its authentic replies, gathered over a payment.

Rules of this file:
- Replies overtake each other: of receipts and maxima the greatest counts.
- Frames of other streams than ours mean nothing to us.
- A close is for good, whichever of connection or stream it closes. Data beside it says why.
"""

from collections.abc import Iterable
from typing import final

from ilpkit.errors import RemoteProtocolError
from ilpkit.stream.exchange import STREAM_ID
from ilpkit.stream.frames import (
    ConnectionClose,
    Frame,
    StreamClose,
    StreamData,
    StreamMaxMoney,
    StreamReceipt,
)
from ilpkit.stream.receipts import decode_receipt


@final
class ReceiverWord:
    """What one payment's receiver has said so far."""

    __slots__ = (
        "_receipt_total",
        "application_data",
        "close_message",
        "closed",
        "receipt",
        "receive_max",
    )

    def __init__(self) -> None:
        self.closed: bool = False
        """Whether the receiver ended the connection or our stream."""
        self.close_message: str = ""
        self.application_data: bytes = b""
        """The data that came with the close."""
        self.receive_max: int | None = None
        """The most that the receiver takes in all, in its units; None if it didn't say."""
        self.receipt: bytes = b""
        """The receipt with the greatest total; empty without receipts."""
        self._receipt_total = -1

    def read(self, frames: Iterable[Frame]) -> None:
        """Take in the frames of one authentic reply."""
        data = b""
        for frame in frames:
            if isinstance(frame, StreamReceipt):
                self._keep_receipt(frame.receipt)
            elif isinstance(frame, StreamMaxMoney) and frame.stream_id == STREAM_ID:
                self.receive_max = max(self.receive_max or 0, frame.receive_max)
            elif isinstance(frame, StreamData):
                data += frame.data
            elif isinstance(frame, ConnectionClose) or (
                isinstance(frame, StreamClose) and frame.stream_id == STREAM_ID
            ):
                self.closed = True
                self.close_message = frame.error_message
        if self.closed:
            self.application_data = self.application_data or data

    def _keep_receipt(self, raw: bytes) -> None:
        try:
            receipt = decode_receipt(raw)
        except RemoteProtocolError:
            # A receipt is for others than us; a broken one is no reason to stop paying.
            return
        if receipt.total_received > self._receipt_total:
            self._receipt_total = receipt.total_received
            self.receipt = raw
