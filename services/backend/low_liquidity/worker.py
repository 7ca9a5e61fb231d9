"""Looks at accounts with a threshold after transfers of this process touched them.

Packets move money in the ledger alone, so nothing is written in their path: the ledger names the
accounts that it touched, and a moment later one look at all of them together decides. What a dead
process touched is looked at by the next one that starts.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.errors import ServiceError

from services.backend.directory.model import Snapshot
from services.backend.directory.worker import Directory
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import LOOKUP_IDS_MAX
from services.backend.ledger.rules.chart import balance
from services.backend.low_liquidity.commands.note_levels import NoteLevels
from services.backend.low_liquidity.model import Level, Watched

SETTLE_S: Final = 1.0
"""From the first touch to the look: one a second, however many transfers there are."""
_log = structlog.get_logger(__name__)


class LowLiquidityWorker:
    """One a process."""

    def __init__(
        self,
        *,
        commands: Commands,
        note: NoteLevels,
        directory: Directory,
        ledger: LedgerReader,
        clock: Clock,
    ) -> None:
        self._commands = commands
        self._note = note
        self._directory = directory
        self._ledger = ledger
        self._clock = clock
        self._seen: Snapshot | None = None
        self._watched: Mapping[int, Watched] = {}
        self._touched: set[int] = set()
        self._wake = asyncio.Event()

    def touched(self, account_ids: Iterable[int]) -> None:
        """Transfers were applied that touch these accounts."""
        here = self._now_watched().keys() & account_ids
        if here:
            self._touched |= here
            self._wake.set()

    async def run(self) -> None:
        """Look until cancelled; at first at all of them."""
        self.touched(self._now_watched())
        while True:
            await self._wake.wait()
            await self._clock.sleep(SETTLE_S)
            self._wake.clear()
            touched, self._touched = self._touched, set()
            try:
                await self._look(touched)
            except ServiceError as error:
                _log.warning("liquidity_not_looked_at", error=str(error))
                self._touched |= touched
                self._wake.set()

    async def _look(self, account_ids: Iterable[int]) -> None:
        watched = self._now_watched()
        ids = list(account_ids)
        for start in range(0, len(ids), LOOKUP_IDS_MAX):
            accounts = await self._ledger.lookup_accounts(ids[start : start + LOOKUP_IDS_MAX])
            levels = [
                Level(watched=watched[each], balance=balance(account))
                for each, account in accounts.items()
                if each in watched
            ]
            if levels:
                await self._commands.run(self._note, levels)

    def _now_watched(self) -> Mapping[int, Watched]:
        """By account; made anew when the directory has changed."""
        snapshot = self._directory.snapshot
        if snapshot is not self._seen:
            self._watched = {each.id.int: each for each in _watched(snapshot)}
            self._seen = snapshot
        return self._watched


def _watched(snapshot: Snapshot) -> Iterable[Watched]:
    for asset in snapshot.assets.values():
        if asset.liquidity_threshold is not None:
            yield Watched(
                kind="asset",
                id=asset.id,
                tenant_id=asset.tenant_id,
                asset=asset,
                threshold=asset.liquidity_threshold,
            )
    for entry in snapshot.peers.values():
        peer = entry.peer
        if peer.liquidity_threshold is not None:
            yield Watched(
                kind="peer",
                id=peer.id,
                tenant_id=peer.tenant_id,
                asset=entry.asset,
                threshold=peer.liquidity_threshold,
            )
