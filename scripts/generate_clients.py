"""Generates the code that the clients in other languages are built with.

Go's is committed, since a Go module is its sources; beside it stands the hash of the contracts it
was made from, so that `make check` sees a stale one without Go. TypeScript's (`--all`) is made
before each build, and so are Rust's and Java's by their own builds.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CONTRACTS: Final = ROOT / "proto/rafiki"
GO: Final = ROOT / "clients/go"
TYPESCRIPT: Final = ROOT / "clients/typescript"
HASH_FILE: Final = GO / "contracts.sha256"


def contracts_hash() -> str:
    """A hash of all contracts, comments included: they are in the generated code too."""
    digest = hashlib.sha256()
    for path in sorted(CONTRACTS.rglob("*.proto")):
        digest.update(str(path.relative_to(CONTRACTS)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def generate_go() -> None:
    """Go's messages and stubs, and the hash of what they were made from."""
    for domain in CONTRACTS.iterdir():
        shutil.rmtree(GO / domain.name, ignore_errors=True)
    _run([_beside("buf"), "generate"], ROOT)
    HASH_FILE.write_text(contracts_hash() + "\n")


def generate_typescript() -> None:
    """TypeScript's messages and service descriptions, with the generator of its lock file."""
    if not (TYPESCRIPT / "node_modules").exists():
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], TYPESCRIPT)
    _run(["npm", "run", "--silent", "generate"], TYPESCRIPT)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="also what is not committed")
    arguments = parser.parse_args()
    if HASH_FILE.exists() and HASH_FILE.read_text().strip() == contracts_hash():
        print("clients/go is of these contracts already")  # noqa: T201 - a command's answer
    elif shutil.which("go") is None:
        sys.exit("clients/go is stale, and Go is not installed: `make check` will refuse it")
    else:
        generate_go()
    if arguments.all:
        generate_typescript()


def _beside(program: str) -> str:
    return str(Path(sys.executable).parent / program)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own files and programs


if __name__ == "__main__":
    main()
