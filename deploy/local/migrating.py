"""Bringing the databases up to date, unless nothing has changed since the last time."""

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.local.environment import ROOT, NodeConfig
from deploy.local.node import MIGRATION_S_MAX, migrations

SERVICES: Final = ("backend", "auth")


class Migrator:
    """Runs each service's own migrations; remembers in a file which ones have run."""

    def __init__(self, configs: Sequence[NodeConfig], folder: Path, logs: Path) -> None:
        """Take the nodes, and a folder that lives as long as their databases."""
        self._configs = configs
        self._stamp = folder / "migrated"
        self._logs = logs

    def is_due(self) -> bool:
        """Whether there are migrations that have not run."""
        return not self._stamp.exists() or self._stamp.read_text() != _fingerprint()

    def run(self) -> None:
        """Migrate all databases side by side. Raises ProcessFailedError."""
        fingerprint = _fingerprint()
        children = [child for node in self._configs for child in migrations(node, self._logs)]
        with contextlib.ExitStack() as running:
            for child in children:
                running.callback(child.stop)
                child.start()
            for child in children:
                child.wait(seconds_max=MIGRATION_S_MAX)
        self._stamp.write_text(fingerprint)


def _fingerprint() -> str:
    """A hash over all migrations."""
    total = hashlib.sha256()
    for service in SERVICES:
        for path in sorted((ROOT / "services" / service / "migrations").rglob("*.py")):
            total.update(path.read_bytes())
    return total.hexdigest()
