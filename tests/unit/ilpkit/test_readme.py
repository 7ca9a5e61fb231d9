"""The examples in the kit's README do what they say."""

import doctest
from pathlib import Path

README = Path(__file__).resolve().parents[3] / "libs" / "ilpkit" / "README.md"


def test_the_examples_run() -> None:
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
