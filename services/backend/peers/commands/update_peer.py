"""Change some fields of a peer, or the tokens that it presents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.peers import repository
from services.backend.peers.checks import check_peer, check_tokens
from services.backend.peers.errors import unknown_peer
from services.backend.peers.model import PeerView
from services.backend.peers.queries import PeerQueries
from services.backend.peers.roles import Names
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerChanges:
    """What to change."""

    scope: Scope
    peer_id: UUID
    values: Mapping[str, Any]
    """By field, named as in Peer."""
    incoming_tokens: Sequence[str] | None
    """All that it has from now on; None leaves them."""

    @property
    def moves(self) -> bool:
        """Whether other addresses lie behind it from now on."""
        return not {"static_ilp_address", "routes"}.isdisjoint(self.values)


class UpdatePeer(Command[PeerChanges, None, PeerView]):
    """Raises InvalidArgument, NotFound, and AlreadyExists."""

    def __init__(self, *, queries: PeerQueries, names: Names) -> None:
        self._queries = queries
        self._names = names

    async def write(self, session: WriteSession, given: PeerChanges, facts: None) -> PeerView:
        """The peer's row and its tokens; where it moves, once nobody else has its addresses."""
        del facts
        if given.moves:
            await self._names.lock(session)
        peer = await repository.lock(session, given.peer_id, given.scope.filter)
        if peer is None:
            raise unknown_peer(given.peer_id)
        changed = replace(peer, **given.values)
        check_peer(changed)
        if given.moves:
            await self._names.check_peer(session, changed.tenant_id, changed.prefixes)
        repository.change(session, changed)
        if given.incoming_tokens is not None:
            check_tokens(given.incoming_tokens, "incoming_auth_tokens")
            await repository.forget_tokens(session, changed.id)
            repository.add_tokens(session, changed.id, given.incoming_tokens)
        await announce_change(session, Kind.PEER, changed.id)
        return await self._queries.view(changed)
