"""Where the shared test vectors lie; ORIGIN.md beside them has their sources."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

_DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "vectors"


def vectors_path(*parts: str) -> Path:
    """The path of one vector file; skips the test where they are not beside the checkout."""
    root = Path(os.environ.get("RAFIKI_VECTORS", _DEFAULT))
    if not root.is_dir():
        pytest.skip(
            f"test vectors not found in {root}; set RAFIKI_VECTORS to their folder",
            allow_module_level=True,
        )
    return root.joinpath(*parts)


def load_json(*parts: str) -> Any:
    """One vector file, parsed."""
    return json.loads(vectors_path(*parts).read_text())
