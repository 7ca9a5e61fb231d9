"""What payments learned of the largest packets that peers let pass."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.directory.model import PeerRoute, Snapshot
from services.backend.quotes import repository

LIFETIME: Final = timedelta(days=1)
"""A peer may raise its limit: once a day a payment finds out."""
READ_AGAIN: Final = timedelta(minutes=1)
"""How long this process goes without what payments of others learned."""
REMEMBERED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    amount: int | None
    until: datetime


class Routes(Protocol):
    """The directory."""

    @property
    def snapshot(self) -> Snapshot:
        """As it is now."""
        ...


class PathLimits:
    """Limits by peer and asset, the longest unread dropped first."""

    def __init__(self, *, database: Database, directory: Routes, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._known: OrderedDict[tuple[UUID, UUID], _Known] = OrderedDict()

    async def of(self, peer_id: UUID, asset_id: UUID) -> int | None:
        """The largest packet of an asset that passes a peer, if a payment learned it lately."""
        now = self._clock.now()
        known = self._known.get((peer_id, asset_id))
        if known is not None and now < known.until:
            return known.amount
        async with self._database.read() as session:
            amount = await repository.path_limit(
                session, peer_id=peer_id, asset_id=asset_id, since=now - LIFETIME
            )
        self._remember(peer_id, asset_id, amount)
        return amount

    async def learned(
        self, *, tenant_id: UUID, destination: str, asset_id: UUID, amount: int
    ) -> None:
        """A payment was told how much of its asset the path to a destination carries in a packet.

        The next quotes for payments through the same peer reckon with it.
        """
        route = self._directory.snapshot.decide(tenant_id, destination)
        if not isinstance(route, PeerRoute):
            return
        peer_id = route.entry.peer.id
        async with self._database.write() as session:
            await repository.keep_path_limit(
                session,
                peer_id=peer_id,
                asset_id=asset_id,
                amount=amount,
                now=self._clock.now(),
            )
        self._remember(peer_id, asset_id, amount)

    def _remember(self, peer_id: UUID, asset_id: UUID, amount: int | None) -> None:
        known = _Known(amount, self._clock.now() + READ_AGAIN)
        self._known[peer_id, asset_id] = known
        self._known.move_to_end((peer_id, asset_id))
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
