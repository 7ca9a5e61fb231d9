"""`python -m services.backend [serve|migrate]`.

The application is imported by the process that runs it: the parent of several workers only watches
them, and starts in a fifth of the time without it.
"""

from typing import TYPE_CHECKING

from servicekit.command_line import run_service
from servicekit.lifecycle import Lifecycle

from services.backend.settings import BackendSettings

if TYPE_CHECKING:
    from servicekit.parts import Ports


def main() -> None:
    """Command line entry."""
    run_service(
        "services.backend",
        BackendSettings,
        start=_start,
        migrate=_migrate,
        workers=lambda settings: settings.workers,
        ports=lambda settings: {
            "GRPC_PORT": settings.grpc_port,
            "CONNECTOR_PORT": settings.connector_port,
        },
        host=lambda settings: settings.host,
        log_level=lambda settings: settings.log_level,
    )


def _migrate(settings: BackendSettings) -> None:
    from services.backend.migrations.run import upgrade  # noqa: PLC0415 - see the module's text

    upgrade(settings.database_url.get_secret_value())


async def _start(settings: BackendSettings, lifecycle: Lifecycle) -> "Ports":
    from services.backend.app import BackendApp  # noqa: PLC0415 - see the module's text

    return await BackendApp(settings=settings).start(lifecycle)


if __name__ == "__main__":
    main()
