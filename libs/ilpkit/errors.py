"""Whose fault a protocol failure is, and the ILP code that answers it.

One root, four leaves: we broke the protocol (`LocalProtocolError`), the peer did
(`RemoteProtocolError`), the protocol allows it and our rules do not (`PolicyRefusal`), or nobody
knows what became of a packet (`UnknownOutcomeError`). The IO layer picks its answer from the type
and `ilp_code` alone.
"""


class ProtocolError(Exception):
    """The root of everything this package raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message: str = message
        """What went wrong, for logs; holds no secret and no payload bytes."""


class LocalProtocolError(ProtocolError):
    """We asked for something the protocol forbids: a bug on this side, never the peer's doing."""


class PolicyRefusal(ProtocolError):  # noqa: N818 - a refusal is an outcome of policy, not a fault
    """The protocol allows the request, this node's rules do not."""

    def __init__(self, message: str, *, ilp_code: str) -> None:
        super().__init__(message)
        self.ilp_code: str = ilp_code
        """The code of the Reject that answers it."""


class UnknownOutcomeError(ProtocolError):
    """No reply to a packet was read, and it may have arrived: it may be fulfilled, or not.

    Nobody is told that it failed, since then its money would be taken back.
    """


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol forbids."""

    ilp_code: str = "F01"
    """The code of the Reject that answers it."""

    def __init__(self, message: str, *, ilp_code: str | None = None) -> None:
        super().__init__(message)
        if ilp_code is not None:
            self.ilp_code = ilp_code


class TruncatedError(RemoteProtocolError):
    """The bytes end before the field does."""


class OversizedError(RemoteProtocolError):
    """A field is longer than its named limit."""


class NonCanonicalLengthError(RemoteProtocolError):
    """A length determinant is not in its shortest form (RFC 30, length determinant)."""


class OverlongIntegerError(RemoteProtocolError):
    """A VarUInt has more than the eight bytes of a u64."""


class EmptyIntegerError(RemoteProtocolError):
    """A VarUInt has no bytes; zero is `01 00`."""


class UnexpectedPacketTypeError(RemoteProtocolError):
    """The type byte is unknown, or not the one asked for."""


class InvalidTimestampError(RemoteProtocolError):
    """An ILP timestamp is not 17 digits of a real UTC date (RFC 30, fixed-length timestamps)."""


class InvalidAddressError(RemoteProtocolError):
    """An ILP address breaks the grammar of RFC 15."""


class InvalidErrorCodeError(RemoteProtocolError):
    """A Reject's code is not three ASCII letters or digits."""


class InvalidTextError(RemoteProtocolError):
    """Text that carries meaning is not valid UTF-8, or breaks the limits of what it names."""


class InvalidDecimalError(RemoteProtocolError):
    """Text that should be a plain positive decimal number is not."""

    ilp_code: str = "T00"


class UnsupportedVersionError(RemoteProtocolError):
    """A STREAM packet or receipt of a version this code does not speak."""


class DecryptionError(RemoteProtocolError):
    """Encrypted bytes are not authentic under the key (RFC 29 section 5.2)."""

    ilp_code: str = "F06"


class UnexpectedStreamTypeError(RemoteProtocolError):
    """The ILP packet type inside a STREAM packet is not the type of the packet around it."""

    ilp_code: str = "F00"


class ForeignAddressError(RemoteProtocolError):
    """The destination does not belong to this server."""

    ilp_code: str = "F02"


class InvalidTokenError(RemoteProtocolError):
    """The connection token in the destination was not made by this server."""

    ilp_code: str = "F06"


class InvalidReceiptError(RemoteProtocolError):
    """A STREAM receipt has the wrong size, or its MAC does not match."""


class UnexpectedPeerPacketError(RemoteProtocolError):
    """A packet is not the peer-protocol message that its destination promises (ILDCP, CCP)."""

    ilp_code: str = "F00"


class RefusedHttpRequestError(RemoteProtocolError):
    """An HTTP request breaks the rules of ILP-over-HTTP (RFC 35)."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status: int = status
        """The HTTP status that answers it."""


class FailedHttpReplyError(RemoteProtocolError):
    """A peer's HTTP response holds no ILP reply."""

    ilp_code: str = "T00"
    """What the sender of the Prepare is told."""
