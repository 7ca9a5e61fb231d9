"""The Python end of driver.js: commands to the reference packages, and packets that they send."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

HERE = Path(__file__).resolve().parent
INSTALL_SECONDS_MAX = 180
NO_NETWORK_SIGNS = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "network")

PacketHandler = Callable[[bytes], bytes | None]
"""Answers the bytes of a Prepare with those of a reply, or with None for silence."""


class ReferenceFailure(Exception):  # noqa: N818 - the failure is the reference package's
    """A reference package refused or failed."""


def install_packages() -> None:
    """Make `node_modules` match the lock file, once for each lock; skips without node."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the reference packages can't run")
    lock_hash = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    stamp = HERE / "node_modules" / f".installed-{lock_hash}"
    with (HERE / "package-lock.json").open() as guard:
        # Several test processes may start at once; the first installs.
        fcntl.flock(guard, fcntl.LOCK_EX)
        if stamp.exists():
            return
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts"],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
        if done.returncode != 0:
            reason = done.stderr.strip()[-300:]
            if any(sign in reason for sign in NO_NETWORK_SIGNS):
                pytest.skip(f"the package registry can't be reached: {reason}")
            pytest.fail(f"npm ci failed: {reason}")
        stamp.touch()


class NodeDriver:
    """One node process with every reference package, spoken to in lines of JSON."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "driver.js")],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._commands = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __call__(self, op: str, *, on_packet: PacketHandler | None = None, **args: Any) -> Any:
        """Run one operation, answering the packets that it sends meanwhile with `on_packet`."""
        self._commands += 1
        self._write({"id": self._commands, "op": op, "args": args})
        while True:
            message = self._read()
            if "call" in message:
                # A package may still send, say, a close after its operation failed: nobody answers.
                reply = on_packet(bytes.fromhex(message["packet"])) if on_packet else None
                self._write({"call": message["call"], "packet": reply.hex() if reply else None})
            elif message["id"] == self._commands:
                if "error" in message:
                    raise ReferenceFailure(message["error"])
                return message["result"]

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the node process ended with code {self._process.poll()}"
        message: dict[str, Any] = json.loads(line)
        return message
