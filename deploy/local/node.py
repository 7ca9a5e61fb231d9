"""One node: its services, its bank's account servicing entity, and the Envoy in front."""

import http.client
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from deploy.envoy.settings import Address, EnvoySettings
from deploy.local import environment
from deploy.local.environment import NodeConfig
from deploy.local.envoy import EnvoyServer
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Child

MIGRATION_S_MAX: Final = 120.0
PROBE_TIMEOUT_S: Final = 1.0
_OK: Final = 200


def migrations(node: NodeConfig, logs: Path) -> list[Child]:
    """The processes that bring a node's databases up to date; they may run side by side."""
    return [
        _python(node, logs, "backend", environment.backend_environment(node), command="migrate"),
        _python(node, logs, "auth", environment.auth_environment(node), command="migrate"),
    ]


class Node:
    """The running processes of one node, started in order and stopped in the reverse one."""

    def __init__(self, config: NodeConfig, logs: Path) -> None:
        """Take what the node is and where its processes log."""
        self.config = config
        ports = config.ports
        self._services: list[tuple[Child, Callable[[], bool]]] = [
            (
                _python(config, logs, "auth", environment.auth_environment(config)),
                lambda: answers(ports.auth_http),
            ),
            (
                _python(config, logs, "backend", environment.backend_environment(config)),
                lambda: all(answers(port) for port in ports.backend_http),
            ),
            (
                _python(config, logs, "frontend", environment.frontend_environment(config)),
                lambda: answers(ports.frontend),
            ),
            (
                Child(
                    f"{config.bank.slug}-ase",
                    [sys.executable, "-m", "deploy.local.ase"],
                    log_path=logs / f"{config.bank.slug}-ase.log",
                    environment=environment.ase_environment(config),
                    cwd=config.data_dir,
                ),
                lambda: answers(ports.ase),
            ),
        ]
        self._envoy = EnvoyServer(f"{config.bank.slug}-envoy", envoy_settings(config), logs)

    def start(self) -> None:
        """Start all processes without waiting for them, Envoy excepted."""
        for child, _ready in self._services:
            child.start()
        self._envoy.start()

    @property
    def services(self) -> list[tuple[Child, Callable[[], bool]]]:
        """The processes behind Envoy, each with how to see that it works."""
        return self._services

    def begin_stop(self) -> None:
        """Close the edge, so that nothing new comes in, and ask what stood behind it to end.

        The auth service stays until `stop`: the others need it for what they still finish.
        """
        self._envoy.stop()
        for child, _ready in self._services[1:]:
            child.ask_to_end()

    def stop(self) -> None:
        """Stop everything in the reverse order of the start."""
        self._envoy.stop()
        for child, _ready in reversed(self._services):
            child.stop()

    def revive(self) -> list[str]:
        """Start again what ended by itself; the names of it."""
        children = [*(child for child, _ready in self._services), self._envoy.child]
        ended = [child for child in children if child.pid is None]
        for child in ended:
            child.start()
        return [child.name for child in ended]

    def pids(self) -> dict[str, int]:
        """Process ids of what runs, by name."""
        children = [self._envoy.child, *(child for child, _ready in self._services)]
        return {child.name: child.pid for child in children if child.pid is not None}


def envoy_settings(node: NodeConfig) -> EnvoySettings:
    """The node's Envoy: both listeners on this machine only."""
    ports = node.ports
    return EnvoySettings(
        public=Address(LOOPBACK, ports.public),
        operator=Address(LOOPBACK, ports.operator),
        admin=Address(LOOPBACK, ports.envoy_admin),
        backend_grpc=tuple(Address(LOOPBACK, port) for port in ports.backend_grpc),
        backend_http=tuple(Address(LOOPBACK, port) for port in ports.backend_http),
        auth_grpc=(Address(LOOPBACK, ports.auth_grpc),),
        auth_http=(Address(LOOPBACK, ports.auth_http),),
        frontend=(Address(LOOPBACK, ports.frontend),),
    )


def answers(port: int) -> bool:
    """Whether a process on this machine says on /healthz that it is well."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _python(
    node: NodeConfig,
    logs: Path,
    service: str,
    settings: Mapping[str, str],
    *,
    command: str | None = None,
) -> Child:
    name = f"{node.bank.slug}-{service}" + (f"-{command}" if command else "")
    return Child(
        name,
        [sys.executable, "-m", f"services.{service}", *([command] if command else [])],
        log_path=logs / f"{name}.log",
        environment=settings,
        cwd=node.data_dir,
    )
