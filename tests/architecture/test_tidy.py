"""The habits of docs/STYLE.md that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
OURS = ("libs", "services", "deploy", "tests", "bench", "scripts", "clients")
# Code that is made from the contracts.
GENERATED = (
    "generated/",
    *(f"clients/go/{path.name}/" for path in (ROOT / "proto/rafiki").iterdir()),
)
LEFTOVERS = re.compile(r"\b(FIXME|HACK)\b|\bTODO\b(?! #\d)|\bbreakpoint\(\)")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|farm|root|home)/[A-Za-z]")
REGISTRY_HOSTS = re.compile(
    r"files\.pythonhosted|pypi\.org/simple|registry\.npmjs|proxy\.golang|static\.crates|repo1\.maven"
)


def tracked(*endings: str) -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        path = ROOT / name
        if path.suffix in endings and path.is_file() and not name.startswith(GENERATED):
            yield path


def python_files() -> list[Path]:
    return [path for path in tracked(".py") if path.relative_to(ROOT).parts[0] in OURS]


def is_composition_root(path: Path) -> bool:
    return path.name == "app.py"


def test_no_module_is_longer_than_the_cap() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files()
        if (lines := len(path.read_text().splitlines())) > MODULE_LINES_MAX
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files()
        # A composition root is read top to bottom; cutting it would only hide the order.
        if not is_composition_root(path)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


@pytest.mark.parametrize("pattern", [LEFTOVERS, MACHINE_PATHS, REGISTRY_HOSTS])
def test_nothing_is_left_behind(pattern: re.Pattern[str]) -> None:
    this = Path(__file__).resolve()
    endings = (
        ".py",
        ".md",
        ".toml",
        ".yaml",
        ".yml",
        ".json",
        ".j2",
        ".txt",
        ".mjs",
        ".js",
        ".proto",
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked(*endings)
        if path.resolve() != this
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_suppression_names_its_rule_and_reason() -> None:
    bare = re.compile(r"#\s*noqa(?!:)|#\s*type:\s*ignore(?!\[)|#\s*pyright:\s*ignore(?!\[)")
    unexplained = re.compile(r"#\s*noqa: [A-Z0-9, ]+$|#\s*type: ignore\[[^\]]+\]\s*$")
    this = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        if path.resolve() != this
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line) or unexplained.search(line)
    ]
    assert found == []


def money_nodes(path: Path) -> Iterator[ast.AST]:
    """Everything in a module but the constants that name seconds."""
    for statement in ast.parse(path.read_text()).body:
        names = [statement.target] if isinstance(statement, ast.AnnAssign) else []
        if not any(isinstance(name, ast.Name) and name.id.endswith("_S") for name in names):
            yield from ast.walk(statement)


def test_money_is_never_a_float() -> None:
    """No float literal and no call of float() where amounts are reckoned."""
    roots = [ROOT / "libs/ilpkit/money.py", *(ROOT / "services/backend/ledger").glob("*.py")]
    roots += [ROOT / f"services/backend/{name}" for name in ("quotes/model.py", "assets/model.py")]
    timing = {"batcher.py", "wrappers.py"}  # these reckon waiting times, not money
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in roots
        if path.name not in timing and not path.name.startswith("tigerbeetle")
        for node in money_nodes(path)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "float"
        )
    ]
    assert found == []
