"""What docs/FAULTS.md says is held by tests that exist."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/FAULTS.md").read_text()
FAULTS_OF_THE_ORIGINAL = 27


@cache
def names_in(path: str) -> set[str]:
    """The names of a file's tests, those in classes too."""
    file = ROOT / path
    if not file.is_file():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_test_named_exists() -> None:
    named = re.findall(r"`([^`:]+\.py)::(\w+)`", TEXT)
    assert named
    missing = [f"{path}::{name}" for path, name in named if name not in names_in(path)]
    assert missing == []


def test_every_row_that_says_held_by_names_a_test() -> None:
    """A table's header says whether its rows name tests; its last column then does."""
    held, without = False, []
    for before, line in pairwise(TEXT.splitlines()):
        if set(line) <= set("|-"):
            held = before.endswith("Held by |")
        elif held and line.startswith("|") and ".py::test_" not in line.split("|")[-2]:
            without.append(line)
    assert without == []


def test_no_fault_of_the_original_is_left_out() -> None:
    numbers = sorted(int(number) for number in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE))
    assert numbers == list(range(1, FAULTS_OF_THE_ORIGINAL + 1))
