"""The browser's side of an interaction: /interact/{id}/{nonce}, and /finish below it."""

import html
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.errors import ServiceError
from servicekit.http_listener import Request, Response

from services.auth.gnap.errors import NoSuchInteraction, UnknownInteraction
from services.auth.gnap.rest_errors import gnap_rest_error
from services.auth.interactions.build import Interactions
from services.auth.interactions.commands.finish_interaction import Finish
from services.auth.interactions.sessions import InteractionSessions

PREFIX: Final = "/interact/"
_FOUND: Final = 302
_ACCEPTED: Final = 202
_SAFE_HEADERS: Final = (
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
)


class InteractionRoutes:
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self,
        *,
        clock: Clock,
        commands: Commands,
        interactions: Interactions,
        sessions: InteractionSessions,
    ) -> None:
        self._clock = clock
        self._commands = commands
        self._interactions = interactions
        self._sessions = sessions

    async def handle(self, request: Request) -> Response:
        """A redirect, or a page that says why there is none."""
        try:
            match request.path.removeprefix(PREFIX).split("/"):
                case [interaction_id, nonce]:
                    return await self._start(_uuid(interaction_id, NoSuchInteraction()), nonce)
                case [interaction_id, nonce, "finish"]:
                    identifier = _uuid(interaction_id, UnknownInteraction())
                    return await self._finish(identifier, nonce, request.headers.get("cookie"))
                case _:
                    raise UnknownInteraction
        except ServiceError as error:
            return _problem(request, error)

    async def _start(self, interaction_id: UUID, nonce: str) -> Response:
        started = await self._interactions.queries.start(interaction_id, nonce)
        headers = [*_SAFE_HEADERS, ("location", started.location)]
        if started.interaction is not None:
            remaining = started.interaction.expires_at - self._clock.now()
            cookie = await self._sessions.begin(
                interaction_id, nonce, life_s=int(remaining.total_seconds())
            )
            headers.append(("set-cookie", cookie))
        return Response(_FOUND, headers)

    async def _finish(self, interaction_id: UUID, nonce: str, cookies: str | None) -> Response:
        same_browser = await self._sessions.began(interaction_id, nonce, cookies)
        given = Finish(interaction_id=interaction_id, nonce=nonce, same_browser=same_browser)
        finished = await self._commands.run(self._interactions.finish, given)
        if finished.location is None:
            return _page(_ACCEPTED, finished.message)
        return Response(_FOUND, [*_SAFE_HEADERS, ("location", finished.location)])


def _problem(request: Request, error: ServiceError) -> Response:
    """A page for browsers, the GNAP error for programs."""
    rest = gnap_rest_error(error)
    if "text/html" in request.headers.get("accept", ""):
        return _page(rest.status, error.message)
    return Response.json(rest.status, rest.body, (*_SAFE_HEADERS, *rest.headers.items()))


def _page(status: int, message: str) -> Response:
    text = html.escape(message[:1].upper() + message[1:])
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Authorization</title>'
        f"<h1>{text}.</h1><p>You can close this window.</p></html>"
    )
    headers = [*_SAFE_HEADERS, ("content-type", "text/html; charset=utf-8")]
    return Response(status, headers, body.encode())


def _uuid(text: str, error: ServiceError) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise error from None
