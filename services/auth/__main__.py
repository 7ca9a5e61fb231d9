"""`python -m services.auth [serve|migrate]`.

The application is imported by the process that runs it: the parent of several workers only watches
them, and starts sooner without it.
"""

from typing import TYPE_CHECKING

from servicekit.command_line import run_service
from servicekit.lifecycle import Lifecycle

from services.auth.settings import AuthSettings

if TYPE_CHECKING:
    from servicekit.parts import Ports


def main() -> None:
    """Command line entry."""
    run_service(
        "services.auth",
        AuthSettings,
        start=_start,
        migrate=_migrate,
        workers=lambda settings: settings.workers,
        ports=lambda settings: {
            "AUTH_PORT": settings.auth_port,
            "GRPC_PORT": settings.grpc_port,
        },
        host=lambda settings: settings.host,
        log_level=lambda settings: settings.log_level,
    )


def _migrate(settings: AuthSettings) -> None:
    from services.auth.migrations.run import upgrade  # noqa: PLC0415 - see the module's text

    upgrade(settings.database_url.get_secret_value())


async def _start(settings: AuthSettings, lifecycle: Lifecycle) -> "Ports":
    from services.auth.app import AuthApp  # noqa: PLC0415 - see the module's text

    return await AuthApp(settings=settings).start(lifecycle)


if __name__ == "__main__":
    main()
