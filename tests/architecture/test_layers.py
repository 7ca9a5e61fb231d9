"""docs/ARCHITECTURE.md shows the layers that `.importlinter` holds."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"\s{2,}.*")


def held(service: str) -> list[str]:
    """The layers of a service's features in the contract, the upper ones first."""
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    layers = contracts[f"importlinter:contract:{service}-layers"]["layers"].split("\n")
    return [layer.strip() for layer in layers if layer.strip()]


def shown(heading: str) -> list[str]:
    """The lines of the first block below a heading, without what they say beside the names."""
    text = (ROOT / "docs/ARCHITECTURE.md").read_text().partition(f"\n## {heading}\n")[2]
    block = text.split("```\n")[1]
    return [COMMENT.sub("", line) for line in block.splitlines()]


@pytest.mark.parametrize(
    ("service", "heading"), [("backend", "The backend's layers"), ("auth", "Auth's layers")]
)
def test_the_layers_shown_are_those_that_are_held(service: str, heading: str) -> None:
    assert shown(heading) == held(service)
