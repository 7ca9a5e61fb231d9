"""`python -m services.auth` serves; with `migrate` it brings the database up to date and ends."""

import os
import sys
from typing import NoReturn

import uvloop
from servicekit.clock import SystemClock
from servicekit.ids import SystemIds
from servicekit.lifecycle import EXIT_OK, EXIT_SETTINGS, Lifecycle, run
from servicekit.logging import configure_logging
from servicekit.processes import WORKER_INDEX_VARIABLE, WorkerProcesses, worker_ports
from servicekit.settings import SettingsRefused

from services.auth.app import AuthApp
from services.auth.migrations.run import upgrade
from services.auth.settings import AuthSettings

_USAGE = "usage: python -m services.auth [migrate]\n"


def main() -> NoReturn:
    """Command line entry; exit codes as `servicekit.lifecycle` documents them."""
    arguments = sys.argv[1:]
    if arguments not in ([], ["migrate"]):
        sys.stderr.write(_USAGE)
        sys.exit(EXIT_SETTINGS)
    try:
        settings = AuthSettings.load()
        configure_logging(level=settings.log_level)
    except (SettingsRefused, ValueError) as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(EXIT_SETTINGS)
    if arguments:
        upgrade(settings.database_url.get_secret_value())
        sys.exit(EXIT_OK)
    if settings.workers == 1 or WORKER_INDEX_VARIABLE in os.environ:
        _serve(settings)
    _watch(settings)


def _watch(settings: AuthSettings) -> NoReturn:
    """The parent of several workers; each reads its own ports from its environment."""
    ports = {"AUTH_PORT": settings.auth_port, "GRPC_PORT": settings.grpc_port}
    try:
        environments = worker_ports(ports, settings.workers, step=1)
    except ValueError as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(EXIT_SETTINGS)
    clock = SystemClock()
    processes = WorkerProcesses(
        command=(sys.executable, "-m", "services.auth"),
        environments=environments,
        clock=clock,
        ids=SystemIds(clock),
    )
    sys.exit(uvloop.run(processes.run()))


def _serve(settings: AuthSettings) -> NoReturn:
    async def start(lifecycle: Lifecycle) -> None:
        await AuthApp(settings=settings).start(lifecycle)

    run(start)


if __name__ == "__main__":
    main()
