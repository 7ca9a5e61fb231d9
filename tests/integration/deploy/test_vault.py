"""Secrets of a local network are made once and kept private."""

import stat
from pathlib import Path

from deploy.local.vault import open_vault


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    first = open_vault(tmp_path, 2)
    assert open_vault(tmp_path, 2) == first
    assert open_vault(tmp_path / "other", 2) != first
    values = [value for node in first.nodes for value in vars(node).values()]
    assert len(set(values)) == len(values)


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    vault = open_vault(tmp_path, 1)
    key = vault.key_file("client")
    assert vault.key_file("client").read_bytes() == key.read_bytes()
    for path in (tmp_path / "secrets.json", key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
