"""The local network of `make run` for end-to-end tests, on free ports and in a passing folder."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.banks import BANKS
from deploy.local.ports import free_stack_ports
from deploy.local.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Two peered nodes with everything real; started once for all tests of this process."""
    with running_network("rafiki-stack-") as network:
        yield network


@contextmanager
def running_network(prefix: str) -> Iterator[Stack]:
    """The network, stopped at the end and its folder removed; `prefix` begins the folder's name."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)  # as root Postgres runs as another user, who must get in
    network = Stack(free_stack_ports(len(BANKS)), folder)
    try:
        network.start()
        yield network
    finally:
        network.stop()
        shutil.rmtree(folder, ignore_errors=True)
