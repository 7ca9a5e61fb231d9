"""Tokens for other banks' resource servers: asked for when needed, kept until they end."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeGuard

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.clients.http import RefusedError
from services.backend.clients.open_payments import MissingError, OpenPaymentsClient, read_json
from services.backend.receivers import repository
from services.backend.receivers.repository import RemoteGrant, actions_key

EXPIRY_MARGIN: Final = timedelta(seconds=10)
CACHED_MAX: Final = 4096
LIFE_S_MAX: Final = 365 * 86_400
"""Longer lives are cut to this: the token is asked for anew."""
TEXT_CHARACTERS_MAX: Final = 4096

Key = tuple[str, str, str]


class RemoteGrants:
    """Non-interactive grants of this node at other authorization servers."""

    def __init__(self, *, database: Database, client: OpenPaymentsClient, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._cache: dict[Key, RemoteGrant] = {}
        self._asking: dict[Key, asyncio.Task[RemoteGrant]] = {}

    async def token(
        self, auth_server: str, access_type: str, actions: Sequence[str]
    ) -> RemoteGrant:
        """A grant that still holds; raises as the client does when none is given.

        Calls for the same grant share one request.
        """
        key = (auth_server, access_type, actions_key(actions))
        cached = self._cache.get(key)
        if cached is not None and self._holds(cached):
            return cached
        task = self._asking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._obtain(key))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def refused(self, grant: RemoteGrant) -> None:
        """The token was not accepted: the next call asks for a new one."""
        key = (grant.auth_server, grant.access_type, grant.actions)
        if self._cache.get(key) == grant:
            del self._cache[key]
        async with self._database.write() as session:
            await repository.drop(session, grant)

    async def _obtain(self, key: Key) -> RemoteGrant:
        async with self._database.read() as session:
            stored = await repository.get(session, *key)
        if stored is None or not self._holds(stored):
            stored = await self._ask(key)
            async with self._database.write() as session:
                await repository.put(session, stored)
        if len(self._cache) >= CACHED_MAX and key not in self._cache:
            self._cache.pop(next(iter(self._cache)))
        self._cache[key] = stored
        return stored

    async def _ask(self, key: Key) -> RemoteGrant:
        auth_server, access_type, actions = key
        access = {"type": access_type, "actions": actions.split(",")}
        request = {
            "access_token": {"access": [access]},
            # The string form: every version of the authorization server knows it.
            "client": self._client.wallet_address,
        }
        try:
            reply = read_json(await self._client.post(auth_server, request))
        except MissingError as error:
            # What is missing is the authorization server, not what the token is for.
            raise RefusedError(str(error)) from None
        token = reply.get("access_token")
        if not isinstance(token, dict) or not _is_text(token.get("value")):
            raise RefusedError(f"{auth_server} gave no token without interaction")
        manage_url, expires_in = token.get("manage"), token.get("expires_in")
        life = (
            timedelta(seconds=min(max(expires_in, 0), LIFE_S_MAX))
            if isinstance(expires_in, int)
            else None
        )
        return RemoteGrant(
            auth_server=auth_server,
            access_type=access_type,
            actions=actions,
            access_token=token["value"],
            manage_url=manage_url if _is_text(manage_url) else "",
            expires_at=None if life is None else self._clock.now() + life,
        )

    def _holds(self, grant: RemoteGrant) -> bool:
        return grant.expires_at is None or self._clock.now() + EXPIRY_MARGIN < grant.expires_at


def _is_text(value: object) -> TypeGuard[str]:
    """Whether another server's value may go into a header and a row."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= TEXT_CHARACTERS_MAX
        and value.isascii()
        and value.isprintable()
    )
