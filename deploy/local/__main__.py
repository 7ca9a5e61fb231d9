"""`make run`: two peered nodes with everything real, one payment across, then up until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from servicekit.clock import SystemClock

from deploy.local.banks import BANKS
from deploy.local.demo import demonstrate
from deploy.local.environment import ROOT
from deploy.local.open_payments import OpenPaymentsError
from deploy.local.payment import PaymentFailedError
from deploy.local.ports import PORT_BASE_DEFAULT, PortTakenError, StackPorts
from deploy.local.postgres import PostgresFailedError
from deploy.local.processes import ProcessFailedError
from deploy.local.stack import Stack
from deploy.local.valkey import ValkeyFailedError

CHECK_INTERVAL_S: Final = 0.5
_FAILURES: Final = (
    OpenPaymentsError,
    PaymentFailedError,
    PostgresFailedError,
    ProcessFailedError,
    ValkeyFailedError,
)


class _StopAskedError(BaseException):
    """SIGTERM or Ctrl-C; not an Exception, so that nothing takes it for a failure."""


def _ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
    raise _StopAskedError


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument(
        "--port-base",
        type=int,
        default=int(os.environ.get("PORT_BASE") or PORT_BASE_DEFAULT),
        help="first port; node n has the ports from 100 x n on (default: PORT_BASE or 3000)",
    )
    parser.add_argument("--folder", type=Path, help="where data is kept (default: .run/<base>)")
    parser.add_argument(
        "--once", action="store_true", help="stop after the payment instead of staying up"
    )
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _ask_to_stop)
    folder = arguments.folder or ROOT / ".run" / str(arguments.port_base)
    sys.exit(_run(StackPorts(arguments.port_base, len(BANKS)), folder, once=arguments.once))


def _run(ports: StackPorts, folder: Path, *, once: bool) -> int:
    started = time.monotonic()

    def progress(line: str) -> None:
        stamp = f"[{time.monotonic() - started:5.1f} s] " if line[:1].strip() else ""
        print(stamp + line, flush=True)

    stack = Stack(ports, folder, progress=progress)
    try:
        ports.require_free()
    except PortTakenError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        stack.start()
        asyncio.run(demonstrate(stack, SystemClock(), progress))
        print(f"\n  data and logs are in {folder}; Ctrl-C stops everything", flush=True)
        while not once:
            time.sleep(CHECK_INTERVAL_S)
            for name in stack.revive():
                progress(f"{name} ended by itself and was started again; see {stack.logs}")
    except _StopAskedError:
        print()
    except _FAILURES as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        _ignore_signals()
        progress("stopping")
        stack.stop()
    progress("stopped")
    return 0


def _ignore_signals() -> None:
    """A second Ctrl-C must not leave half of the processes running."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
