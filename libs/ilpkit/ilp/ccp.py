"""CCP, the routing protocol of older connectors: what peers announce to each other about routes.

Both messages travel as the data of a Prepare with ILDCP's condition, to `peer.route.control` and
`peer.route.update`; the Fulfill carries nothing. CCP left the RFCs in March 2026; the layout is
that of the npm package ilp-protocol-ccp. Bytes after the last known field are ignored.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

from ilpkit.errors import (
    InvalidAddressError,
    InvalidTextError,
    LocalProtocolError,
    OversizedError,
    UnexpectedPeerPacketError,
)
from ilpkit.ilp.address import decode_address, encode_address, is_valid_prefix
from ilpkit.oer import Reader, Writer

CCP_CONTROL_DESTINATION: Final = "peer.route.control"
CCP_UPDATE_DESTINATION: Final = "peer.route.update"
TABLE_ID_BYTES: Final = 16
ROUTE_AUTH_BYTES: Final = 32
LIST_ITEMS_MAX: Final = 2_000
"""Items in one list of a message; 32767 bytes of data hold fewer routes than this."""

_OPTIONAL: Final = 0x80
_TRANSITIVE: Final = 0x40
_PARTIAL: Final = 0x20
_UTF_8: Final = 0x10

T = TypeVar("T")


class CcpMode(IntEnum):
    """Whether a peer wants updates."""

    IDLE = 0
    SYNC = 1


class RouteControl(NamedTuple):
    """A peer asks for updates from where it stands, or for none."""

    mode: CcpMode
    last_known_table_id: bytes
    """The bytes of a UUID; zeros where none is known."""
    last_known_epoch: int
    features: tuple[str, ...] = ()


class RouteProperty(NamedTuple):
    """Something said about a route; the flags are those of BGP path attributes."""

    property_id: int
    value: bytes
    is_optional: bool = False
    is_transitive: bool = False
    is_partial: bool = False
    is_utf8: bool = False


class CcpRoute(NamedTuple):
    """A prefix that the speaker can reach."""

    prefix: str
    path: tuple[str, ...]
    """The connectors on the way, nearest first."""
    auth: bytes
    properties: tuple[RouteProperty, ...] = ()


class RouteUpdate(NamedTuple):
    """What changed in the speaker's table between two epochs."""

    table_id: bytes
    current_epoch: int
    from_epoch: int
    to_epoch: int
    hold_down_ms: int
    """How long the routes hold without another update."""
    speaker: str
    new_routes: tuple[CcpRoute, ...] = ()
    withdrawn_prefixes: tuple[str, ...] = ()


def encode_route_control(control: RouteControl) -> bytes:
    """The data of a Prepare; `LocalProtocolError` if a field breaks its limits."""
    writer = Writer()
    writer.write_u8(control.mode)
    _write_fixed(writer, control.last_known_table_id, TABLE_ID_BYTES)
    writer.write_u32(control.last_known_epoch)
    _write_count(writer, len(control.features))
    for feature in control.features:
        writer.write_var_octets(feature.encode())
    return writer.to_bytes()


def decode_route_control(data: bytes) -> RouteControl:
    """The message of a peer; a `RemoteProtocolError` if it is malformed."""
    reader = Reader(data)
    mode = reader.read_u8()
    if mode not in {CcpMode.IDLE, CcpMode.SYNC}:
        raise UnexpectedPeerPacketError(f"CCP mode {mode}")
    return RouteControl(
        CcpMode(mode),
        reader.read_octets(TABLE_ID_BYTES),
        reader.read_u32(),
        _read_list(reader, _read_text),
    )


def encode_route_update(update: RouteUpdate) -> bytes:
    """The data of a Prepare; `LocalProtocolError` if a field breaks its limits."""
    writer = Writer()
    _write_fixed(writer, update.table_id, TABLE_ID_BYTES)
    for number in update[1:5]:
        writer.write_u32(number)
    writer.write_var_octets(encode_address(update.speaker))
    _write_count(writer, len(update.new_routes))
    for route in update.new_routes:
        _write_route(writer, route)
    _write_count(writer, len(update.withdrawn_prefixes))
    for prefix in update.withdrawn_prefixes:
        _write_prefix(writer, prefix)
    return writer.to_bytes()


def decode_route_update(data: bytes) -> RouteUpdate:
    """The message of a peer; a `RemoteProtocolError` if it is malformed."""
    reader = Reader(data)
    return RouteUpdate(
        reader.read_octets(TABLE_ID_BYTES),
        reader.read_u32(),
        reader.read_u32(),
        reader.read_u32(),
        reader.read_u32(),
        _read_address(reader),
        _read_list(reader, _read_route),
        _read_list(reader, _read_prefix),
    )


def _write_route(writer: Writer, route: CcpRoute) -> None:
    _write_prefix(writer, route.prefix)
    _write_count(writer, len(route.path))
    for address in route.path:
        writer.write_var_octets(encode_address(address))
    _write_fixed(writer, route.auth, ROUTE_AUTH_BYTES)
    _write_count(writer, len(route.properties))
    for item in route.properties:
        writer.write_u8(
            item.is_optional * _OPTIONAL
            | item.is_transitive * _TRANSITIVE
            | item.is_partial * _PARTIAL
            | item.is_utf8 * _UTF_8
        )
        writer.write_u16(item.property_id)
        writer.write_var_octets(item.value)


def _read_route(reader: Reader) -> CcpRoute:
    return CcpRoute(
        _read_prefix(reader),
        _read_list(reader, _read_address),
        reader.read_octets(ROUTE_AUTH_BYTES),
        _read_list(reader, _read_property),
    )


def _read_property(reader: Reader) -> RouteProperty:
    meta = reader.read_u8()
    return RouteProperty(
        property_id=reader.read_u16(),
        value=reader.read_var_octets(),
        is_optional=bool(meta & _OPTIONAL),
        is_transitive=bool(meta & _TRANSITIVE),
        is_partial=bool(meta & _PARTIAL),
        is_utf8=bool(meta & _UTF_8),
    )


def _write_prefix(writer: Writer, prefix: str) -> None:
    if not is_valid_prefix(prefix):
        raise LocalProtocolError(f"{prefix!r} is not an address prefix")
    writer.write_var_octets(prefix.encode("ascii"))


def _read_prefix(reader: Reader) -> str:
    prefix = _read_text(reader)
    if not is_valid_prefix(prefix):
        raise InvalidAddressError("not an address prefix")
    return prefix


def _read_address(reader: Reader) -> str:
    return decode_address(reader.read_var_octets())


def _read_text(reader: Reader) -> str:
    try:
        return reader.read_var_octets().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidTextError("not UTF-8") from None


def _write_fixed(writer: Writer, content: bytes, size: int) -> None:
    if len(content) != size:
        raise LocalProtocolError(f"{len(content)} bytes where {size} belong")
    writer.write_octets(content)


def _write_count(writer: Writer, count: int) -> None:
    if count > LIST_ITEMS_MAX:
        raise LocalProtocolError(f"{count} items, at most {LIST_ITEMS_MAX} allowed")
    writer.write_var_uint(count)


def _read_list(reader: Reader, read_item: Callable[[Reader], T]) -> tuple[T, ...]:
    count = reader.read_var_uint()
    if count > LIST_ITEMS_MAX:
        raise OversizedError(f"{count} items, at most {LIST_ITEMS_MAX} allowed")
    return tuple(read_item(reader) for _ in range(count))
