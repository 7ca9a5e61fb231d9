"""Whether the processes of a service listen where its settings say, each worker on its port."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rafiki_cli.checks.finding import Finding, fail, ok

CONNECT_S_MAX: Final = 3.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True)
class Listening:
    """Where a service listens, by its settings."""

    host: str
    first_ports: Mapping[str, int]
    """By setting; worker i has the port after i others."""
    workers: int


async def check_ports(listening: Listening) -> list[Finding]:
    """Connect to each port of each worker."""
    host = _EVERYWHERE.get(listening.host, listening.host)
    return list(
        await asyncio.gather(
            *(
                _connect(f"port {setting}, worker {worker + 1}", host, first + worker)
                for setting, first in listening.first_ports.items()
                for worker in range(listening.workers)
            )
        )
    )


async def _connect(check: str, host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(CONNECT_S_MAX):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        remedy = "is the service running with these settings, and WORKERS as many?"
        return fail(check, f"nobody answers at {host}:{port} ({error!r})", remedy)
    writer.close()
    return ok(check, f"{host}:{port} is listened on")
