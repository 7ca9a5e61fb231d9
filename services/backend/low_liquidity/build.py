"""The watch over liquidity, put together."""

from servicekit.clock import Clock
from servicekit.commands import Commands

from services.backend.directory.worker import Directory
from services.backend.events.writer import EventWriter
from services.backend.ledger.interface import LedgerReader
from services.backend.low_liquidity.commands.note_levels import NoteLevels
from services.backend.low_liquidity.worker import LowLiquidityWorker


def build(
    *,
    commands: Commands,
    directory: Directory,
    ledger: LedgerReader,
    events: EventWriter,
    clock: Clock,
) -> LowLiquidityWorker:
    """Wire it."""
    return LowLiquidityWorker(
        commands=commands,
        note=NoteLevels(events=events, clock=clock),
        directory=directory,
        ledger=ledger,
        clock=clock,
    )
