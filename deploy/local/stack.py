"""The whole local network: stores, nodes and their order. `make run` and the tests share it."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import asyncpg

from deploy.local.banks import BANKS, Bank
from deploy.local.environment import NodeConfig
from deploy.local.migrating import Migrator
from deploy.local.node import Node
from deploy.local.ports import StackPorts
from deploy.local.postgres import PostgresServer
from deploy.local.processes import wait_all_ready
from deploy.local.valkey import ValkeyServer
from deploy.local.vault import open_vault

# Where Postgres keeps its data when its user may not enter the run folder.
FALLBACK_DATA_DIR: Final = Path("/var/tmp")  # noqa: S108 - a folder of its own is made in it

SERVICES_READY_S_MAX: Final = 120.0

Progress = Callable[[str], None]


class Stack:
    """Postgres, Valkey and one node a bank, in one folder and on one range of ports."""

    def __init__(
        self,
        ports: StackPorts,
        folder: Path,
        *,
        banks: tuple[Bank, ...] = BANKS,
        progress: Progress = lambda _line: None,
    ) -> None:
        """Take the place; secrets are made or read, nothing starts yet."""
        self.ports = ports
        self.folder = folder
        self.logs = folder / "logs"
        self.vault = open_vault(folder, len(banks))
        self._postgres = PostgresServer(
            postgres_folder(folder),
            ports.postgres,
            self.logs / "postgres.log",
            password=self.vault.postgres_password,
        )
        self._valkey = ValkeyServer(ports.valkey, folder / "valkey", self.logs / "valkey.log")
        self.configs = tuple(self._config(index, bank) for index, bank in enumerate(banks))
        self.nodes = tuple(Node(config, self.logs) for config in self.configs)
        self._progress = progress
        self._migrator = Migrator(self.configs, folder, self.logs)
        self._stops: list[Callable[[], None]] = []

    def start(self) -> None:
        """Start everything in order and return when all of it works.

        Raises PortTakenError before anything starts, or the failure of the part at fault; what
        had started is stopped then.
        """
        self.ports.require_free()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop in the reverse order what was started."""
        while self._stops:
            self._stops.pop()()

    @property
    def postgres_url(self) -> str:
        """The server's own database, as its owner."""
        return self._postgres.url()

    @property
    def postgres_log(self) -> Path:
        """What Postgres says."""
        return self._postgres.log_path

    def pids(self) -> dict[str, int]:
        """Process ids of the stores, by name."""
        pids = {"Postgres": self._postgres.pid, "Valkey": self._valkey.pid}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def revive(self) -> list[str]:
        """Start again every process that ended by itself; the names of them.

        Each service waits for its stores, so what ended is started in any order.
        """
        revived = []
        for name, server in (("Postgres", self._postgres), ("Valkey", self._valkey)):
            if server.pid is None:
                server.start()
                revived.append(name)
        for node in self.nodes:
            revived += node.revive()
        return revived

    def _start(self) -> None:
        self._progress("starting Postgres and Valkey")
        self._stops.append(self._postgres.stop)
        self._postgres.start()
        self._stops.append(self._valkey.stop)
        self._valkey.start()
        created = asyncio.run(self._create_databases())
        for name in created:
            self._progress(f"created database {name}")
        if created or self._migrator.is_due():
            self._progress("bringing the databases up to date")
            self._migrator.run()
        self._progress("starting the services of each node")
        self._stops.append(self._stop_nodes)
        for node in self.nodes:
            node.start()
        services = [service for node in self.nodes for service in node.services]
        wait_all_ready(services, seconds_max=SERVICES_READY_S_MAX, progress=self._progress)

    def _stop_nodes(self) -> None:
        for node in self.nodes:
            node.begin_stop()
        for node in reversed(self.nodes):
            node.stop()

    async def _create_databases(self) -> list[str]:
        connection: Any = await asyncpg.connect(self._postgres.url())
        try:
            rows = await connection.fetch("SELECT datname FROM pg_database")
            missing = sorted(self._databases() - {row["datname"] for row in rows})
            for name in missing:
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return missing

    def _databases(self) -> set[str]:
        return {
            url.rpartition("/")[2]
            for config in self.configs
            for url in (config.backend_database_url, config.auth_database_url)
        }

    def _config(self, index: int, bank: Bank) -> NodeConfig:
        data_dir = self.folder / bank.slug
        data_dir.mkdir(parents=True, exist_ok=True)
        return NodeConfig(
            bank=bank,
            ports=self.ports.node(index),
            secrets=self.vault.nodes[index],
            key_file=self.vault.key_file(bank.slug),
            backend_database_url=self._postgres.url(f"{bank.database}_backend"),
            auth_database_url=self._postgres.url(f"{bank.database}_auth"),
            # Nodes share the server, not the keys.
            redis_url=f"{self._valkey.url}/{index}",
            data_dir=data_dir,
        )


def postgres_folder(folder: Path) -> Path:
    """Where Postgres keeps its data.

    As root it runs as another user; when that user may not enter the run folder, a folder of its
    own stands in, named by the run folder so that the next start finds it.
    """
    here = folder.absolute() / "postgres"
    if os.geteuid() != 0 or all(_others_may_enter(parent) for parent in here.parents):
        return here
    name = hashlib.sha256(str(here).encode()).hexdigest()[:16]
    return FALLBACK_DATA_DIR / f"rafiki-postgres-{name}" / "data"


def _others_may_enter(folder: Path) -> bool:
    return not folder.exists() or bool(folder.stat().st_mode & stat.S_IXOTH)
