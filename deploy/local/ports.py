"""Which process listens where: everything follows from one number."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = "127.0.0.1"
PORT_BASE_DEFAULT: Final = 3000
PORTS_PER_NODE: Final = 100
WORKERS: Final = 2
_PORT_MAX: Final = 65_535
_PORT_MIN: Final = 1024
# Ports above 1023 that browsers refuse to open (WHATWG Fetch, "port blocking").
BROWSERS_REFUSE: Final = frozenset(
    {
        *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566),
        *(6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080),
    }
)


class PortTakenError(RuntimeError):
    """Ports that are needed can't be used; the text names them, why, and what to do."""


@dataclass(frozen=True)
class NodePorts:
    """Ports of one node."""

    base: int

    @property
    def public(self) -> int:
        """Envoy's public listener."""
        return self.base

    @property
    def operator(self) -> int:
        """Envoy's operator listener."""
        return self.base + 1

    @property
    def frontend(self) -> int:
        """The frontend service."""
        return self.base + 2

    @property
    def auth_grpc(self) -> int:
        """The auth service's gRPC."""
        return self.base + 3

    @property
    def auth_http(self) -> int:
        """The auth service's HTTP."""
        return self.base + 4

    @property
    def ase(self) -> int:
        """The account servicing entity's pages and webhooks."""
        return self.base + 5

    @property
    def envoy_admin(self) -> int:
        """Envoy's own page."""
        return self.base + 6

    @property
    def backend_grpc(self) -> tuple[int, ...]:
        """Each backend worker's gRPC."""
        return tuple(self.base + 10 + worker for worker in range(WORKERS))

    @property
    def backend_http(self) -> tuple[int, ...]:
        """Each backend worker's connector and guard."""
        return tuple(self.base + 20 + worker for worker in range(WORKERS))

    @property
    def pages(self) -> tuple[int, ...]:
        """The ports that people open in a browser."""
        return (self.public, self.operator, self.ase)

    def uses(self) -> dict[int, str]:
        """Every port with what it is for."""
        return {
            self.public: "public listener",
            self.operator: "operator listener",
            self.frontend: "frontend",
            self.auth_grpc: "auth gRPC",
            self.auth_http: "auth HTTP",
            self.ase: "account servicing entity",
            self.envoy_admin: "Envoy admin",
            **dict.fromkeys(self.backend_grpc, "backend gRPC"),
            **dict.fromkeys(self.backend_http, "backend HTTP"),
        }


@dataclass(frozen=True)
class StackPorts:
    """Ports of all nodes and of the stores they share."""

    base: int
    nodes: int

    def node(self, index: int) -> NodePorts:
        """Ports of the node with this number, counted from 0."""
        return NodePorts(self.base + PORTS_PER_NODE * index)

    @property
    def postgres(self) -> int:
        """The Postgres server of all nodes."""
        return self.base + 90

    @property
    def valkey(self) -> int:
        """The Valkey server of all nodes."""
        return self.base + 91

    def uses(self) -> dict[int, str]:
        """Every port with what it is for."""
        uses = {self.postgres: "Postgres", self.valkey: "Valkey"}
        for index in range(self.nodes):
            uses |= {
                port: f"{use} of node {index + 1}" for port, use in self.node(index).uses().items()
            }
        return uses

    def require_free(self) -> None:
        """Raise PortTakenError unless all ports can be listened on."""
        uses = self.uses()
        if max(uses) > _PORT_MAX:
            raise PortTakenError(f"PORT_BASE={self.base} needs ports above {_PORT_MAX}")
        if self.base < _PORT_MIN:
            raise PortTakenError(
                f"PORT_BASE={self.base} is below {_PORT_MIN}, where systems keep ports for"
                " themselves and browsers refuse many. Choose another:"
                f" make run PORT_BASE={PORT_BASE_DEFAULT}"
            )
        refused = [
            port
            for index in range(self.nodes)
            for port in self.node(index).pages
            if port in BROWSERS_REFUSE
        ]
        if refused:
            raise PortTakenError(
                f"PORT_BASE={self.base} gives a page port {refused[0]}, which browsers refuse to"
                f" open. Choose another: make run PORT_BASE={self.base + 1000}"
            )
        taken = {port: use for port, use in uses.items() if not _is_free(port)}
        if taken:
            raise PortTakenError(_explain(self.base, taken))


def free_stack_ports(nodes: int, *, first: int = 20_000, last: int = 32_000) -> StackPorts:
    """A range of ports that is free as a whole. Raises PortTakenError when none is.

    Processes that look at the same time begin at different places. The system gives connections
    their own ports above `last`.
    """
    bases = range(first, last, PORTS_PER_NODE * nodes)
    begin = os.getpid() % len(bases)
    for base in (*bases[begin:], *bases[:begin]):
        ports = StackPorts(base, nodes)
        if all(_is_free(port) for port in ports.uses()):
            return ports
    raise PortTakenError(f"no free range of ports between {first} and {last}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed sessions don't count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _explain(base: int, taken: Mapping[int, str]) -> str:
    lines = [f"  {port} ({use})" for port, use in sorted(taken.items())]
    return "\n".join(
        [
            "These ports are taken by other processes:",
            *lines,
            f"Stop those processes, or choose other ports: make run PORT_BASE={base + 1000}",
        ]
    )
