"""What the watch over liquidity adds to a process."""

from servicekit.parts import Part

from services.backend.ledger.interface import LedgerMemory
from services.backend.low_liquidity.worker import LowLiquidityWorker


def part(worker: LowLiquidityWorker, *, ledger: LedgerMemory) -> Part:
    """Its worker, which hears from the ledger."""
    ledger.on_touched(worker.touched)
    return Part(workers={"low liquidity": worker.run})
