"""Coverage-guided fuzzing of the protocol kit's decoders.

    pip install atheris
    python -m tests.fuzz.fuzz_ilpkit --seconds 60 [target ...]

Targets run one after another, each in a process of its own, for their share of the time. A failing
input is written to a file that libFuzzer names; `--replay FILE target` runs it again.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

INPUT_BYTES_MAX = 4096
_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Fuzzes the named targets, or all; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--replay", type=Path, help="run one input through one target")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="target")
    arguments = parser.parse_args()
    if arguments.child is not None:
        return _fuzz_one(arguments.child, arguments.seconds)
    names = arguments.names or _target_names()
    if arguments.replay is not None:
        return _replay(names[0], arguments.replay)
    seconds = max(1, arguments.seconds // len(names))
    command = [sys.executable, "-m", "tests.fuzz.fuzz_ilpkit", "--seconds", str(seconds)]
    failed = [
        name
        for name in names
        if subprocess.run([*command, "--child", name], cwd=_ROOT, check=False).returncode
    ]
    summary = f"{len(names)} targets, {seconds} s each; failed: {', '.join(failed) or 'none'}"
    sys.stdout.write(f"{summary}\n")
    return 1 if failed else 0


def _fuzz_one(name: str, seconds: int) -> int:
    atheris = importlib.import_module("atheris")
    _add_import_paths()
    with atheris.instrument_imports(include=["ilpkit"]):
        targets = importlib.import_module("tests.fuzz.targets")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(targets.seeds().get(name, [])):
            Path(corpus, str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=5"]
        target = targets.TARGETS[name]
        atheris.Setup(
            [name, *limits, "-print_final_stats=1", corpus],
            lambda data: targets.run(target, data) and None,
        )
        atheris.Fuzz()
    return 0


def _replay(name: str, path: Path) -> int:
    _add_import_paths()
    targets = importlib.import_module("tests.fuzz.targets")
    outcome = targets.run(targets.TARGETS[name], path.read_bytes())
    sys.stdout.write(f"{outcome or 'accepted'}\n")
    return 0


def _target_names() -> list[str]:
    _add_import_paths()
    return list(importlib.import_module("tests.fuzz.targets").TARGETS)


def _add_import_paths() -> None:
    """The package may be fuzzed from a checkout, by a Python that it isn't installed for."""
    if str(_ROOT / "libs") not in sys.path:
        sys.path.insert(0, str(_ROOT / "libs"))


if __name__ == "__main__":
    sys.exit(main())
