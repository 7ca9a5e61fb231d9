"""`python -m services.backend`: serve. `python -m services.backend migrate`: migrate the database."""

import sys

from servicekit.lifecycle import EXIT_OK, EXIT_SETTINGS, Lifecycle, run
from servicekit.logging import configure_logging
from servicekit.processes import run_workers
from servicekit.settings import SettingsRefused

from services.backend.app import BackendApp
from services.backend.migrations.run import upgrade
from services.backend.settings import BackendSettings

USAGE = "usage: python -m services.backend [migrate]\n"


def main() -> None:
    """Command line entry."""
    command = sys.argv[1:] or ["serve"]
    if command not in (["serve"], ["migrate"]):
        sys.stderr.write(USAGE)
        sys.exit(EXIT_SETTINGS)
    try:
        settings = BackendSettings.load()
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(EXIT_SETTINGS)
    if command == ["migrate"]:
        upgrade(settings.database_url.get_secret_value())
        sys.exit(EXIT_OK)
    run_workers(serve, workers=settings.workers)


def serve(worker: int) -> None:
    """One worker process."""
    settings = BackendSettings.load()
    configure_logging(level=settings.log_level)

    async def start(lifecycle: Lifecycle) -> None:
        await BackendApp(settings=settings, worker=worker).start(lifecycle)

    run(start)


if __name__ == "__main__":
    main()
