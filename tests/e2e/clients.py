"""The clients in each language: what builds and tests one, and what runs its example."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.npm import install_packages

ROOT: Final = Path(__file__).resolve().parents[2]
CLIENTS: Final = ROOT / "clients"
BUILD: Final = ROOT / ".run/clients"
"""Where builds go that their tool does not keep for itself."""
PYTHON: Final = BUILD / "python"
STEP_S_MAX: Final = 800
# Maven ends its colours, also where it prints none.
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
ALL: Final = os.environ.get("CLIENTS") == "all"


@dataclass(frozen=True, kw_only=True)
class Language:
    """One client."""

    name: str
    programs: tuple[str, ...]
    """What the machine must have."""
    build: tuple[tuple[str, ...], ...]
    """Commands in the client's folder: build, and test what is written by hand."""
    example: tuple[str, ...]
    """The command that makes a payment; its arguments follow."""
    arguments_as: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda arguments: arguments
    """How the example's command takes them."""
    checks: tuple[tuple[str, ...], ...] = ()
    """Commands that only `make clients` runs besides."""
    is_slow: bool = False
    """Whether only `make clients` builds it."""

    @property
    def folder(self) -> Path:
        """Its sources."""
        return CLIENTS / self.name

    def require(self) -> None:
        """Skip, and say why, where it can't be built or is not asked for."""
        if self.is_slow and not ALL:
            pytest.skip(f"`make clients` builds the client in {self.name} too; it takes minutes")
        for program in self.programs:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed: the client in {self.name} can't be built")

    def prepare(self) -> None:
        """Build it and run its own tests."""
        self.require()
        if (self.folder / "package-lock.json").exists():
            install_packages(self.folder)
        for command in (*self.build, *(self.checks if ALL else ())):
            self._run(command)

    def pay(self, *arguments: str) -> list[str]:
        """The lines that its example printed."""
        printed = self._run((*self.example, *self.arguments_as(arguments)))
        return [line for line in _COLOURS.sub("", printed).splitlines() if line]

    def _run(self, command: tuple[str, ...]) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path, "CARGO_TARGET_DIR": str(BUILD / "rust")},
            capture_output=True,
            text=True,
            timeout=STEP_S_MAX,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout


_UV: Final = str(Path(sys.executable).parent / "uv")

LANGUAGES: Final = (
    Language(
        name="python",
        programs=(),
        # The wheel in an environment of its own, which has nothing else of ours.
        build=(
            (_UV, "build", "--quiet", "--wheel", "--out-dir", str(PYTHON / "dist")),
            (_UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(PYTHON / "venv")),
            (
                *(_UV, "pip", "install", "--quiet", "--python", str(PYTHON / "venv/bin/python")),
                str(PYTHON / "dist/rafiki_client-0.1.0-py3-none-any.whl"),
            ),
        ),
        example=(str(PYTHON / "venv/bin/python"), "examples/pay.py"),
    ),
    Language(
        name="go",
        programs=("go",),
        build=(("go", "test", "-vet=off", "."),),
        # It reads all dependencies, which takes half as long again as building them.
        checks=(("go", "vet", ".", "./examples/..."),),
        example=("go", "run", "./examples/pay"),
    ),
    Language(
        name="typescript",
        programs=("node", "npm"),
        build=(
            ("npm", "run", "--silent", "generate"),
            ("npm", "run", "--silent", "build"),
            ("npm", "test", "--silent"),
        ),
        example=("node", "dist/examples/pay.js"),
    ),
    Language(
        name="rust",
        programs=("cargo",),
        build=(("cargo", "test", "--quiet", "--locked"),),
        example=("cargo", "run", "--quiet", "--locked", "--example", "pay", "--"),
        is_slow=True,
    ),
    Language(
        name="java",
        programs=("mvn", "java"),
        build=(("mvn", "-B", "-q", "test"),),
        example=("mvn", "-B", "-q", "exec:java"),
        arguments_as=lambda arguments: (f"-Dexec.args={' '.join(arguments)}",),
        is_slow=True,
    ),
)
