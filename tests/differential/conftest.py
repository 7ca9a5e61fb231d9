"""One node process for all differential tests of a run."""

from collections.abc import Iterator

import pytest

from tests.differential.node_driver import NodeDriver, install_packages


@pytest.fixture(scope="session")
def node() -> Iterator[NodeDriver]:
    """The reference packages; skips where node or the package registry is absent."""
    install_packages()
    with NodeDriver() as driver:
        yield driver
