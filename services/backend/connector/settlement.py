"""Settles packets in the ledger: posts what was fulfilled, releases what was rejected.

A fulfilled packet is posted whatever happens. While the ledger can't be reached it is tried again
under the same ids, before the answer as long as that can still be in time, and then beside it. When
the reservation is gone the money is found where it went. If the ledger refuses all the same, the
packet is not passed on as paid, and operators are told.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, Protocol

import structlog
from servicekit.clock import Clock

from services.backend.ledger.errors import LedgerError, TransferStatus
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.rules.accounting import Plan
from services.backend.ledger.rules.packets import (
    LIQUIDITY_ATTEMPTS_MAX,
    PacketMoney,
    entry_transfer_id,
)

RETRY_S: Final = 1.0
BACKGROUND_RETRIES_MAX: Final = 24 * 60 * 60
"""A day; the reservation itself lives longer."""

_GONE: Final = frozenset({TransferStatus.ALREADY_VOIDED, TransferStatus.TRANSFER_EXPIRED})
_log = structlog.get_logger(__name__)


class PacketLedger(LedgerReader, LedgerWriter, Protocol):
    """What settling needs of the ledger."""


class UnsettledError(Exception):
    """Peers fulfilled packets that the ledger would not pay for; each one was logged."""

    def __init__(self, packets: int) -> None:
        super().__init__(
            f"{packets} fulfilled packets are not settled: book them by hand from the log entries "
            "`fulfilled_packet_not_settled`, then restart the process"
        )


class Settlement:
    """One a process; `drain` before the ledger is closed."""

    def __init__(self, *, ledger: PacketLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._working: set[asyncio.Task[None]] = set()
        self.refused = 0
        """How many fulfilled packets the ledger would not settle: each needs an operator."""

    async def pay(self, money: PacketMoney, *, until_ms: int) -> bool:
        """Move a fulfilled packet's money; False when the ledger refuses to."""
        while True:
            try:
                status = await self._pay(money)
            except LedgerError as error:
                if self._clock.now_ms() + RETRY_S * 1000 >= until_ms:
                    _log.warning("posting_delayed", packet=money.id, error=str(error))
                    self.run(self._pay_later(money))
                    return True
                await self._clock.sleep(RETRY_S)
            else:
                return self._alarmed(money, status)

    def release(self, money: PacketMoney) -> None:
        """Give a rejected packet's money back, in the background: nobody waits for it."""
        self.run(self._release(money))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that `drain` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    @property
    def working(self) -> int:
        """How much is going on in the background."""
        return len(self._working)

    async def check(self) -> None:
        """Fail as long as this process has packets that an operator must look at."""
        if self.refused:
            raise UnsettledError(self.refused)

    async def drain(self) -> None:
        """Wait until everything is settled."""
        while self._working:
            await asyncio.gather(*self._working)

    async def _pay(self, money: PacketMoney) -> TransferStatus:
        status = await self._submit(money.posting())
        if status not in _GONE:
            return status
        if entry_transfer_id(money.id) not in await self._ledger.lookup_transfers(
            [entry_transfer_id(money.id)]
        ):
            # Another copy of the packet was rejected, and that released the money of both.
            return await self._submit(money.paying_again())
        status = TransferStatus.ID_ALREADY_FAILED
        for attempt in range(LIQUIDITY_ATTEMPTS_MAX):
            status = await self._submit(money.paying_after_all(attempt))
            if status is not TransferStatus.ID_ALREADY_FAILED:
                break
        return status

    async def _pay_later(self, money: PacketMoney) -> None:
        for _ in range(BACKGROUND_RETRIES_MAX):
            await self._clock.sleep(RETRY_S)
            try:
                status = await self._pay(money)
            except LedgerError:
                continue
            self._alarmed(money, status)
            return
        self._alarmed(money, TransferStatus.UNKNOWN_ERROR)

    async def _release(self, money: PacketMoney) -> None:
        for _ in range(BACKGROUND_RETRIES_MAX):
            try:
                status = await self._submit(money.voiding())
                if status in _GONE:
                    # The reconciler was first: what it entered is known now.
                    entered = await self._ledger.lookup_transfers([entry_transfer_id(money.id)])
                    status = await self._submit(money.giving_back()) if entered else status
            except LedgerError:
                await self._clock.sleep(RETRY_S)
                continue
            if not status.ok and status not in _GONE:
                _log.error("release_refused", packet=money.id, status=str(status))
            return
        _log.error("release_given_up", packet=money.id)

    def _alarmed(self, money: PacketMoney, status: TransferStatus) -> bool:
        if status.ok:
            return True
        self.refused += 1
        _log.critical(
            "fulfilled_packet_not_settled",
            status=str(status),
            packet=money.id,
            peer_account=money.peer.account_id,
            source_account=money.source.account_id,
            source_amount=money.source_amount,
            peer_amount=money.peer_amount,
        )
        return False

    async def _submit(self, plan: Plan) -> TransferStatus:
        return plan.explain(await self._ledger.submit(plan.chain))
