"""Medians of CPU time, ours and, where they are installed, of the npm reference packages."""

import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BATCH = 1_000
BATCHES = 101
_HERE = Path(__file__).resolve().parent
_PACKAGES = _HERE.parent / "tests" / "differential" / "node_modules"


def median_us(operation: Callable[[], object]) -> float:
    """CPU microseconds of one call: the median over batches, after a warm-up."""
    samples: list[float] = []
    for number in range(BATCHES + 3):
        before = time.thread_time_ns()
        for _ in range(BATCH):
            operation()
        if number >= 3:
            samples.append((time.thread_time_ns() - before) / BATCH / 1_000)
    return statistics.median(samples)


def reference_us(*, prepare: bytes, secret: bytes, address: str) -> dict[str, float]:
    """The reference packages' medians by operation; empty without node or the packages."""
    if shutil.which("node") is None or not (_PACKAGES / "stream-receiver-3").is_dir():
        return {}
    request = {
        "packages": str(_PACKAGES),
        "prepare": prepare.hex(),
        "secret": secret.hex(),
        "address": address,
        "batch": BATCH,
        "batches": BATCHES,
    }
    done = subprocess.run(
        ["node", str(_HERE / "reference_packets.js")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    medians: dict[str, float] = json.loads(done.stdout)
    return medians


def print_row(name: str, ours: float, target: float | None, reference: float | None) -> None:
    """One line of the table; a dash where there is nothing to compare with."""
    compared = f"{reference:9.2f} {reference / ours:6.1f}x" if reference else f"{'-':>9} {'-':>7}"
    print(f"{name:34} {ours:9.2f} {target if target is not None else '-':>9} {compared}")


def cipher() -> Callable[[], object]:
    """One bare AES-GCM encryption of a packet's size: how fast the machine is at this moment."""
    encrypt, iv, plaintext = AESGCM(bytes(32)).encrypt, bytes(12), bytes(15)
    return lambda: encrypt(iv, plaintext, None)


def print_load() -> None:
    """How busy the machine is: CPU time leaves out waiting, not the caches that others fill."""
    print(f"load average {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


def print_head() -> None:
    """The table's head, and the row that the others are to be read beside."""
    print_load()
    print(f"{'CPU microseconds, median':34} {'ours':>9} {'target':>9} {'npm':>9} {'ratio':>7}")
    print_row("AES-GCM alone, 0.5 on an idle core", median_us(cipher()), None, None)
