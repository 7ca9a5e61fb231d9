"""`python -m services.frontend`: serve the Admin API and the admin UI."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn
from servicekit.clock import SystemClock
from servicekit.lifecycle import Lifecycle, run
from servicekit.logging import configure_logging
from servicekit.tracing import open_tracing

from services.frontend.app import build_app, build_checks, open_channels
from services.frontend.settings import FrontendSettings

DRAIN_S_MAX: Final = 20
CONNECTIONS_MAX: Final = 1000
KEEP_ALIVE_S: Final = 65
HEADER_BYTES_MAX: Final = 32 * 1024
_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Leaves the signals to the process's lifecycle, which closes everything in order."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Serve until `end`; uvicorn's own loop looks ten times a second whether it is to."""
        await self._ending.wait()

    def end(self) -> None:
        """Take no more requests, and answer those that are here."""
        self.should_exit = True
        self._ending.set()


async def start(lifecycle: Lifecycle) -> None:
    """Open everything; at the end requests are answered before the channels close."""
    settings = FrontendSettings.load()
    configure_logging(level=settings.log_level)
    clock = SystemClock()
    tracing = open_tracing(settings, service="rafiki-frontend")
    if tracing is not None:
        lifecycle.on_close(tracing.close)
    channels = open_channels(settings, tracing)
    lifecycle.on_close(channels.close)
    checks = build_checks(channels, clock=clock)
    server = _Server(
        uvicorn.Config(
            build_app(settings, channels, checks=checks, tracing=tracing, clock=clock),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # Envoy's own; uvicorn would have to wake each second for it
            lifespan="off",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S_MAX,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        )
    )
    serving = lifecycle.spawn("http", server.serve())

    async def drain() -> None:
        checks.draining = True
        server.end()
        await serving

    lifecycle.on_close(drain)
    _log.info("serving", host=settings.host, port=settings.port)


def main() -> None:
    """Run the service; SIGTERM and SIGINT end it in order, wrong settings with exit code 2."""
    run(start)


if __name__ == "__main__":
    main()
