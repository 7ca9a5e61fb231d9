"""The Python end of official_client/driver.js: the official client, called by the names it has."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, Final, Self

from deploy.local.demo import Wallets
from deploy.local.stack import Stack

FOLDER: Final = Path(__file__).resolve().parent / "official_client"
STOP_S_MAX: Final = 10.0


class OfficialClientError(Exception):
    """The client raised; a status is there when a server answered."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(json.dumps(error))
        self.status: int | None = error.get("status")
        self.code: str | None = error.get("code")
        self.description: str | None = error.get("description")


class OfficialClient:
    """One node process with the client in it, known by the demonstration app's name and key."""

    def __init__(self, stack: Stack, wallets: Wallets) -> None:
        identity = {
            "walletAddressUrl": wallets.client.url,
            "keyId": stack.vault.client_key_id,
            "privateKey": str(stack.vault.key_file("client").absolute()),
        }
        self._process = subprocess.Popen(
            ["node", "driver.js", json.dumps(identity)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(STOP_S_MAX)
        self._process.stdout.close()

    async def __call__(self, op: str, *args: Any) -> Any:
        """Call a method of the client, such as `quote.create`. Raises OfficialClientError."""
        self._calls += 1
        call = {"id": self._calls, "op": op, "args": args}
        answer = await asyncio.to_thread(self._exchange, json.dumps(call))
        assert answer["id"] == call["id"]
        if "error" in answer:
            raise OfficialClientError(answer["error"])
        return answer["result"]

    def _exchange(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the node process ended"
        read: dict[str, Any] = json.loads(answer)
        return read
