"""Introspection for programs without an event loop: a thread of its own has one."""

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import grpc
from ilpkit.openpayments.access import AskedAccess

from token_introspection.client import Introspector
from token_introspection.model import Introspection
from token_introspection.opened import ANSWER_LIFE_S, open_introspection

CLOSE_S: Final = 5.0


class BlockingIntrospection:
    """As `open_introspection`; any thread may ask.

    with BlockingIntrospection("127.0.0.1:3107") as tokens:
        found = tokens.introspect(token)
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        life_s: float = ANSWER_LIFE_S,
    ) -> None:
        self._opening = open_introspection(target, credentials=credentials, life_s=life_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="token-introspection", daemon=True
        )
        self._thread.start()
        self._introspector: Introspector = self._run_opening()

    def introspect(self, token: str, access: Sequence[AskedAccess] = ()) -> Introspection:
        """What a token allows of the access asked; of everything if nothing is asked.

        Raises:
            IntrospectionFailed: nothing is known of the token.
        """
        asked = self._introspector.introspect(token, access)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def close(self) -> None:
        """Hang up; a second time does nothing."""
        if self._loop.is_closed():
            return
        closing = self._opening.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, self._loop).result(CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run_opening(self) -> Introspector:
        opening = self._opening.__aenter__()
        return asyncio.run_coroutine_threadsafe(opening, self._loop).result()
