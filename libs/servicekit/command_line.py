"""`python -m <service> [serve|migrate]`: what each service's `__main__` does with its settings."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn, TypeVar

from servicekit.clock import SystemClock
from servicekit.ids import SystemIds
from servicekit.lifecycle import EXIT_OK, EXIT_SETTINGS, Lifecycle, run
from servicekit.logging import configure_logging
from servicekit.processes import WorkerProcesses, worker_index, worker_ports
from servicekit.settings import ServiceSettings, SettingsRefused

S = TypeVar("S", bound=ServiceSettings)


def run_service(
    module: str,
    settings_type: type[S],
    *,
    start: Callable[[S, Lifecycle], Awaitable[object]],
    migrate: Callable[[S], None],
    workers: Callable[[S], int],
    ports: Callable[[S], Mapping[str, int]],
    host: Callable[[S], str],
    log_level: Callable[[S], str],
) -> NoReturn:
    """Run a service until it is told to end.

    Args:
        module: what follows `python -m`.
        settings_type: read from the environment; a refusal exits with EXIT_SETTINGS.
        start: opens everything of one process.
        migrate: brings the database up to date.
        workers: how many processes serve; more than one get a parent that watches them.
        ports: the listening ports by their variables; worker i gets each port plus i.
        host: the address that the ports are at.
        log_level: what is logged; a level that there is not is refused as any other setting.
    """
    command = sys.argv[1:] or ["serve"]
    if command not in (["serve"], ["migrate"]):
        sys.stderr.write(f"usage: python -m {module} [serve|migrate]\n")
        sys.exit(EXIT_SETTINGS)
    try:
        settings = settings_type.load()
        configure_logging(level=log_level(settings), worker=worker_index())
    except (SettingsRefused, ValueError) as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(EXIT_SETTINGS)
    if command == ["migrate"]:
        migrate(settings)
        sys.exit(EXIT_OK)
    count = workers(settings)
    if count == 1 or worker_index() is not None:
        run(lambda lifecycle: _started(start(settings, lifecycle)))
    sys.exit(_run_workers(module, ports(settings), host(settings), count))


async def _started(starting: Awaitable[object]) -> None:
    await starting


def _run_workers(module: str, ports: Mapping[str, int], host: str, count: int) -> int:
    clock = SystemClock()
    try:
        environments = worker_ports(ports, count, 1)
    except ValueError as refused:
        sys.stderr.write(f"{refused}\n")
        return EXIT_SETTINGS
    parent = WorkerProcesses(
        command=[sys.executable, "-m", module, "serve"],
        environments=environments,
        host=host,
        clock=clock,
        ids=SystemIds(clock),
    )
    return asyncio.run(parent.run())
