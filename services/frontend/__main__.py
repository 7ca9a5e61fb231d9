"""`python -m services.frontend`: serve the Admin API and the admin UI."""

import sys
from typing import Final

import uvicorn
import uvloop
from servicekit.logging import configure_logging
from servicekit.settings import SettingsRefused

from services.frontend.app import build_app, open_channels
from services.frontend.settings import FrontendSettings

DRAIN_S_MAX: Final = 20
CONNECTIONS_MAX: Final = 1000
KEEP_ALIVE_S: Final = 65
HEADER_BYTES_MAX: Final = 32 * 1024
EXIT_SETTINGS: Final = 2


async def serve(settings: FrontendSettings) -> None:
    """Serve until a signal; running requests are answered before the channels close."""
    channels = open_channels(settings)
    config = uvicorn.Config(
        build_app(settings, channels),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S_MAX,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
    )
    try:
        await uvicorn.Server(config).serve()
    finally:
        await channels.close()


def main() -> None:
    """Run the service; SIGTERM and SIGINT end it in order, wrong settings with exit code 2."""
    try:
        settings = FrontendSettings.load()
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(EXIT_SETTINGS)
    configure_logging(level=settings.log_level)
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
