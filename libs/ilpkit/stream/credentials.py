"""Stateless receiver credentials: the address carries, sealed, what a receiver must remember.

token = seal(flags u8, then what the flags announce: VarOctetString payment tag, receipt nonce and
secret, VarOctetString asset code with scale u8); address = base address "." base64url(token);
shared secret = HMAC(key, token). The layout is that of the npm package
@interledger/stream-receiver, so that both can serve the same address.
"""

from base64 import urlsafe_b64encode
from binascii import a2b_base64
from typing import Final, NamedTuple, final

from ilpkit.errors import (
    ForeignAddressError,
    InvalidTextError,
    InvalidTokenError,
    LocalProtocolError,
    ProtocolError,
)
from ilpkit.ilp.address import is_valid_address
from ilpkit.money import Asset
from ilpkit.oer import Reader, Writer
from ilpkit.stream.crypto import Mac, RandomBytes, Sealer
from ilpkit.stream.receipts import RECEIPT_NONCE_BYTES, RECEIPT_SECRET_BYTES, ReceiptSetup

SERVER_SECRET_BYTES: Final = 32

_TOKEN_LABEL: Final = b"ilp_stream_connection_token"
_SHARED_SECRET_LABEL: Final = b"ilp_stream_shared_secret"
_IV_BYTES: Final = 12
_HAS_PAYMENT_TAG: Final = 1
_HAS_RECEIPTS: Final = 2
_HAS_ASSET: Final = 4


class ReceiverCredentials(NamedTuple):
    """What a sender needs to open a connection."""

    ilp_address: str
    shared_secret: bytes


class ConnectionDetails(NamedTuple):
    """What the receiver sealed into the address."""

    payment_tag: str | None = None
    """What the receiver files the money under: ASCII, of its own choice."""
    receipt_setup: ReceiptSetup | None = None
    asset: Asset | None = None


class OpenedToken(NamedTuple):
    """A connection as its token describes it, and the secret that its packets are sealed with."""

    details: ConnectionDetails
    shared_secret: bytes


@final
class CredentialsFactory:
    """Makes and reads the credentials of one server; all its processes share the secret."""

    __slots__ = ("_prefix", "_sealer", "_shared_secret", "base_address")

    def __init__(self, server_secret: bytes, base_address: str) -> None:
        if len(server_secret) != SERVER_SECRET_BYTES:
            raise LocalProtocolError(f"a server secret has {SERVER_SECRET_BYTES} bytes")
        if not is_valid_address(base_address):
            raise LocalProtocolError("a server's base address is an ILP address")
        self.base_address: Final = base_address
        """The server's own address, which all its connections' addresses extend."""
        self._prefix = base_address + "."
        derive = Mac(server_secret).digest
        self._sealer = Sealer(derive(_TOKEN_LABEL))
        self._shared_secret = Mac(derive(_SHARED_SECRET_LABEL)).digest

    def make(
        self,
        random_bytes: RandomBytes,
        *,
        payment_tag: str | None = None,
        receipt_setup: ReceiptSetup | None = None,
        asset: Asset | None = None,
    ) -> ReceiverCredentials:
        """Fresh credentials; `LocalProtocolError` if the details do not fit an ILP address."""
        details = ConnectionDetails(payment_tag, receipt_setup, asset)
        token = self._sealer.seal(_encode_details(details), random_bytes(_IV_BYTES))
        address = self._prefix + urlsafe_b64encode(token).rstrip(b"=").decode("ascii")
        if not is_valid_address(address):
            raise LocalProtocolError("too many details for an ILP address")
        return ReceiverCredentials(address, self._shared_secret(token))

    def token_segment(self, destination: str) -> str:
        """The segment after the base address; `ForeignAddressError` if the address is not ours.

        Segments after it are the sender's own and are ignored.
        """
        if not destination.startswith(self._prefix):
            raise ForeignAddressError("the destination is another server's")
        return destination[len(self._prefix) :].partition(".")[0]

    def open_segment(self, segment: str) -> OpenedToken:
        """What a token segment holds; `InvalidTokenError` unless this server made it."""
        token = _decode_segment(segment)
        try:
            details = _decode_details(self._sealer.open(token))
        except ProtocolError:
            raise InvalidTokenError("the connection token is not ours") from None
        return OpenedToken(details, self._shared_secret(token))

    def open(self, destination: str) -> OpenedToken:
        """What an address holds; `ForeignAddressError` or `InvalidTokenError` if it is not ours."""
        return self.open_segment(self.token_segment(destination))


def _decode_segment(segment: str) -> bytes:
    """Base64url without padding; no character is skipped."""
    standard = segment.replace("-", "+").replace("_", "/")
    try:
        return a2b_base64(standard + "=" * (-len(segment) % 4), strict_mode=True)
    except ValueError:
        raise InvalidTokenError("the connection token is not base64url") from None


def _encode_details(details: ConnectionDetails) -> bytes:
    payment_tag, receipt_setup, asset = details
    writer = Writer()
    writer.write_u8(
        (payment_tag is not None) * _HAS_PAYMENT_TAG
        | (receipt_setup is not None) * _HAS_RECEIPTS
        | (asset is not None) * _HAS_ASSET
    )
    if payment_tag is not None:
        if not payment_tag.isascii():
            raise LocalProtocolError("a payment tag is ASCII")
        writer.write_var_octets(payment_tag.encode("ascii"))
    if receipt_setup is not None:
        nonce, secret = receipt_setup
        if len(nonce) != RECEIPT_NONCE_BYTES or len(secret) != RECEIPT_SECRET_BYTES:
            raise LocalProtocolError("a receipt's nonce has 16 bytes and its secret 32")
        writer.write_octets(nonce)
        writer.write_octets(secret)
    if asset is not None:
        writer.write_var_octets(asset.code.encode())
        writer.write_u8(asset.scale)
    return writer.to_bytes()


def _decode_details(plaintext: bytes) -> ConnectionDetails:
    reader = Reader(plaintext)
    flags = reader.read_u8()
    payment_tag = receipt_setup = asset = None
    if flags & _HAS_PAYMENT_TAG:
        payment_tag = _text(reader.read_var_octets(), "ascii")
    if flags & _HAS_RECEIPTS:
        receipt_setup = ReceiptSetup(
            reader.read_octets(RECEIPT_NONCE_BYTES), reader.read_octets(RECEIPT_SECRET_BYTES)
        )
    if flags & _HAS_ASSET:
        asset = Asset(_text(reader.read_var_octets(), "utf-8"), reader.read_u8())
    return ConnectionDetails(payment_tag, receipt_setup, asset)


def _text(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidTextError(f"not {encoding}") from None
