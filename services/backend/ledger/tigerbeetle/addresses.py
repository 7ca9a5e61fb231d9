"""Replica addresses as an operator writes them, to the numeric form that the client takes.

The official client takes IP addresses only; in a container network replicas have names, so these
are resolved here, once, at start.
"""

import asyncio
import ipaddress
import socket
from typing import Final, NamedTuple

from services.backend.ledger.tigerbeetle.errors import TigerBeetleAddressError

REPLICAS_MAX: Final = 6
PORT_DEFAULT: Final = 3001
HOST_DEFAULT: Final = "127.0.0.1"
PORT_MAX: Final = 65_535


class ReplicaAddress(NamedTuple):
    """Where one replica listens; `host` is a name or an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_addresses(text: str) -> tuple[ReplicaAddress, ...]:
    """Parse `host:port,...` in the order of the replicas.

    Each part is `host:port`, `[ipv6]:port`, a host (port PORT_DEFAULT) or a port (on HOST_DEFAULT).
    Raises TigerBeetleAddressError.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > REPLICAS_MAX:
        raise TigerBeetleAddressError(f"at most {REPLICAS_MAX} replicas, not {len(parts)}")
    return tuple(_parse_address(part) for part in parts)


def _parse_address(part: str) -> ReplicaAddress:
    if part.isdecimal():
        return ReplicaAddress(HOST_DEFAULT, _parse_port(part, part))
    if part.startswith("["):
        host, bracket, rest = part[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise TigerBeetleAddressError(f"not an address: {part!r}")
        return ReplicaAddress(host, _parse_port(rest[1:], part) if rest else PORT_DEFAULT)
    host, colon, port = part.partition(":")
    if not host or ":" in port:
        raise TigerBeetleAddressError(
            f"not an address: {part!r} (write IPv6 addresses in brackets)"
        )
    return ReplicaAddress(host, _parse_port(port, part) if colon else PORT_DEFAULT)


def _parse_port(text: str, part: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 0 < port <= PORT_MAX:
        raise TigerBeetleAddressError(f"not a port from 1 to {PORT_MAX}: {part!r}")
    return port


async def resolve_addresses(addresses: tuple[ReplicaAddress, ...]) -> tuple[ReplicaAddress, ...]:
    """Replace names by IP addresses, IPv4 where there is a choice; keeps the order.

    Raises TigerBeetleAddressError for a name that has no address.
    """
    return tuple([await _resolve(address) for address in addresses])


async def _resolve(address: ReplicaAddress) -> ReplicaAddress:
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        pass
    else:
        return address
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TigerBeetleAddressError(f"can't resolve replica host {address.host!r}") from error
    hosts = [str(sockaddr[0]) for _, _, _, _, sockaddr in found]
    hosts.sort(key=lambda host: ":" in host)
    if not hosts:
        raise TigerBeetleAddressError(f"replica host {address.host!r} has no address")
    return ReplicaAddress(hosts[0], address.port)
