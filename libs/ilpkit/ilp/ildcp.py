"""ILDCP (RFC 31): how a child asks its parent for an address and the asset of their account.

The request is a Prepare to `peer.config`, the response the data of its Fulfill: VarOctetString
address, scale u8, VarOctetString asset code. Both ends know the fulfillment: 32 zero bytes.
"""

from typing import Final, NamedTuple

from ilpkit.errors import InvalidTextError, UnexpectedPeerPacketError
from ilpkit.ilp.address import decode_address, encode_address
from ilpkit.ilp.condition import FULFILLMENT_BYTES, condition_of
from ilpkit.ilp.packet import Fulfill, Prepare, Reply
from ilpkit.money import ASSET_CODE_BYTES_MAX, Asset
from ilpkit.oer import Reader, Writer

ILDCP_DESTINATION: Final = "peer.config"
ILDCP_TIMEOUT_MS: Final = 60_000
PEER_PROTOCOL_FULFILLMENT: Final = bytes(FULFILLMENT_BYTES)
PEER_PROTOCOL_CONDITION: Final = condition_of(PEER_PROTOCOL_FULFILLMENT)


class PeerConfiguration(NamedTuple):
    """What a parent assigns to a child."""

    client_address: str
    asset: Asset


def make_ildcp_request(*, now_ms: int) -> Prepare:
    """The question, with a minute to answer it; `now_ms` is epoch milliseconds."""
    return Prepare(0, now_ms + ILDCP_TIMEOUT_MS, PEER_PROTOCOL_CONDITION, ILDCP_DESTINATION)


def check_ildcp_request(prepare: Prepare) -> None:
    """Raises `UnexpectedPeerPacketError` (F00) unless the packet is an ILDCP request."""
    if prepare.destination != ILDCP_DESTINATION or prepare.condition != PEER_PROTOCOL_CONDITION:
        raise UnexpectedPeerPacketError("not an ILDCP request")


def make_ildcp_response(configuration: PeerConfiguration) -> Fulfill:
    """The answer; `LocalProtocolError` if the address is none."""
    writer = Writer()
    writer.write_var_octets(encode_address(configuration.client_address))
    writer.write_u8(configuration.asset.scale)
    writer.write_var_octets(configuration.asset.code.encode())
    return Fulfill(PEER_PROTOCOL_FULFILLMENT, writer.to_bytes())


def read_ildcp_response(reply: Reply) -> PeerConfiguration:
    """The configuration; a `RemoteProtocolError` if the parent refused or answered nonsense."""
    if not isinstance(reply, Fulfill):
        raise UnexpectedPeerPacketError(f"the parent refused: {reply.code} {reply.message}")
    if reply.fulfillment != PEER_PROTOCOL_FULFILLMENT:
        raise UnexpectedPeerPacketError("not an ILDCP response")
    reader = Reader(reply.data)
    client_address = decode_address(reader.read_var_octets())
    asset_scale = reader.read_u8()
    raw_code = reader.read_var_octets(ASSET_CODE_BYTES_MAX)
    try:
        asset_code = raw_code.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidTextError("the asset code is not UTF-8") from None
    if not asset_code:
        raise InvalidTextError("the asset code is empty")
    return PeerConfiguration(client_address, Asset(asset_code, asset_scale))
