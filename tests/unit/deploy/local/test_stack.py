import os
from pathlib import Path

import pytest

from deploy.local.ports import StackPorts
from deploy.local.stack import Stack, postgres_folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as somebody else")
def test_as_root_postgres_keeps_its_data_where_its_user_may_go(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    elsewhere = postgres_folder(closed / "run")
    assert Path("/var/tmp") in elsewhere.parents  # noqa: S108 - the place under test
    assert postgres_folder(closed / "run") == elsewhere
    assert postgres_folder(closed / "other") != elsewhere
    assert postgres_folder(Path("/run/open")) == Path("/run/open/postgres")


def test_nodes_share_no_secret_no_database_and_no_keyspace(tmp_path: Path) -> None:
    first, second = Stack(StackPorts(3000, 2), tmp_path).configs
    assert first.redis_url != second.redis_url
    urls = {
        url
        for node in (first, second)
        for url in (node.backend_database_url, node.auth_database_url)
    }
    assert len(urls) == 4
    assert not set(vars(first.secrets).values()) & set(vars(second.secrets).values())
    assert first.key_file.read_bytes() != second.key_file.read_bytes()
