"""What lies in generated/ is what the contracts generate."""

import filecmp
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from scripts.generate_clients import HASH_FILE, contracts_hash

ROOT = Path(__file__).resolve().parents[2]


def files(folder: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(folder)): path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "scripts/generate_proto.py"), "--out", str(tmp_path)],
        check=True,
        capture_output=True,
    )
    for part in ("python/rafiki", "envoy"):
        committed, made = files(ROOT / "generated" / part), files(tmp_path / part)
        assert sorted(committed) == sorted(made), "run `make proto`"
        stale = [
            name
            for name, path in made.items()
            if not filecmp.cmp(path, committed[name], shallow=False)
        ]
        assert stale == [], "run `make proto`"


def test_the_descriptor_set_holds_error_details_for_envoy() -> None:
    descriptors = FileDescriptorSet.FromString(
        (ROOT / "generated/envoy/descriptors.binpb").read_bytes()
    )
    names = {file.name for file in descriptors.file}
    assert "google/rpc/error_details.proto" in names
    assert "rafiki/openpayments/v1/incoming_payment_service.proto" in names


def test_the_go_client_is_of_these_contracts() -> None:
    assert HASH_FILE.read_text().strip() == contracts_hash(), "run `make proto`"
