"""One node process for all differential tests of a run."""

from collections.abc import Iterator

import pytest

from tests.differential.node_driver import HERE, NodeDriver
from tests.support.npm import install_packages


@pytest.fixture(scope="session")
def node() -> Iterator[NodeDriver]:
    """The reference packages; skips where node or the package registry is absent."""
    install_packages(HERE)
    with NodeDriver() as driver:
        yield driver
