"""The Python end of driver.js: commands to the reference packages, and packets that they send."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent

PacketHandler = Callable[[bytes], bytes | None]
"""Answers the bytes of a Prepare with those of a reply, or with None for silence."""


class ReferenceFailure(Exception):  # noqa: N818 - the failure is the reference package's
    """A reference package refused or failed."""


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
