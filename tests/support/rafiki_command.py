"""Runs the operator's command as a process of its own, as an operator does."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

_SETTINGS = (
    *("RAFIKI_", "OPEN_PAYMENTS_URL", "KEY_ID", "PRIVATE_KEY_FILE", "OPERATOR_", "ADMIN_"),
    *("HOST", "GRPC_PORT", "CONNECTOR_PORT", "AUTH_PORT", "WORKERS"),
)
"""What names that the command reads begin with."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        assert self.out, self.err
        return json.loads(self.out)


async def rafiki(target: str, *arguments: str, env: dict[str, str] | None = None) -> Ran:
    """`rafiki --target ... arguments`, with no settings but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rafiki_cli", "--target", target, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=kept | (env or {}),
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Ran(process.returncode, out.decode(), err.decode())
