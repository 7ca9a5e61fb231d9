"""`python -m services.backend [serve|migrate]`."""

from servicekit.command_line import run_service
from servicekit.lifecycle import Lifecycle
from servicekit.logging import configure_logging

from services.backend.app import BackendApp, Ports
from services.backend.migrations.run import upgrade
from services.backend.settings import BackendSettings


def main() -> None:
    """Command line entry."""
    run_service(
        "services.backend",
        BackendSettings,
        start=_start,
        migrate=lambda settings: upgrade(settings.database_url.get_secret_value()),
        workers=lambda settings: settings.workers,
        ports=lambda settings: {
            "GRPC_PORT": settings.grpc_port,
            "CONNECTOR_PORT": settings.connector_port,
        },
    )


async def _start(settings: BackendSettings, lifecycle: Lifecycle) -> Ports:
    configure_logging(level=settings.log_level)
    return await BackendApp(settings=settings).start(lifecycle)


if __name__ == "__main__":
    main()
