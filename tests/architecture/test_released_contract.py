"""What was released stays: `make lint` asks buf, and these show that it would say so."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).parent / "buf"
RELEASED = ROOT / "proto/released/contract.binpb"


def breaking(folder: Path) -> str:
    """What buf finds in a tree against the released contracts; empty when nothing."""
    done = subprocess.run(
        [BUF, "breaking", "--against", RELEASED],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (not done.stdout), done.stderr
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the contracts to change."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def change(tree: Path, path: str, old: str, new: str) -> None:
    file = tree / "proto/rafiki" / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_present_contracts_keep_what_was_released() -> None:
    assert breaking(ROOT) == ""


def test_a_renamed_field_is_found(tree: Path) -> None:
    change(tree, "common/v1/money.proto", "string asset_code = 2", "string currency = 2")
    assert 'changed name from "asset_code" to "currency"' in breaking(tree)


def test_a_removed_method_is_found(tree: Path) -> None:
    start = "  rpc CancelOutgoingPayment("
    text = (tree / "proto/rafiki/admin/v1/payment_service.proto").read_text()
    begin = text.index(start)
    method = text[begin : text.index("  }\n", begin) + 4]
    change(tree, "admin/v1/payment_service.proto", method, "")
    assert "CancelOutgoingPayment" in breaking(tree)


def test_another_go_package_is_found(tree: Path) -> None:
    change(tree, "common/v1/paging.proto", "clients/go/common/v1;commonv1", "elsewhere;common")
    assert "go_package" in breaking(tree)


def test_a_new_field_is_no_break(tree: Path) -> None:
    change(
        tree,
        "common/v1/money.proto",
        "uint32 asset_scale = 3;",
        "uint32 asset_scale = 3;\n  // Something new.\n  string note = 4;",
    )
    assert breaking(tree) == ""
