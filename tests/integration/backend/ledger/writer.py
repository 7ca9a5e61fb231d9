"""A process that writes a workload: python -m tests.integration.backend.ledger.writer <json>.

Prints one line for each chain of which it knows the outcome: "<number> <status>".
"""

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.postgres.connection import connect
from services.backend.ledger.postgres.engine import PostgresLedger
from tests.integration.backend.ledger import workload
from tests.integration.backend.ledger.faults import Strike, faulty

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(options: dict[str, Any]) -> None:
    connecting: Callable[[str], Awaitable[Any]] = connect
    if "when" in options:
        strike = Strike(
            when=options["when"], statement=options["statement"], batch=options["batch"], fault=die
        )
        connecting = faulty(strike)
    engine = PostgresLedger(options["url"], batch_transfers_max=64, connect=connecting)
    ledger = BatchedLedger(engine)
    numbered = enumerate(workload.chains(options["seed"], options["chains"]))
    # Several callers take chains from one list, so that batches form.
    await asyncio.gather(*[work(ledger, numbered) for _ in range(options["callers"])])
    await ledger.close()


async def work(ledger: BatchedLedger, numbered: "enumerate[workload.Chain]") -> None:
    for number, chain in numbered:
        result = await ledger.submit(chain)
        os.write(1, f"{number} {result.status.value}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
