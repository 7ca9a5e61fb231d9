"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    SKIP = "skip"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    verdict: Verdict
    check: str
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(Verdict.OK, check, found)


def warn(check: str, found: str, remedy: str) -> Finding:
    """It works, and soon might not."""
    return Finding(Verdict.WARN, check, found, remedy)


def fail(check: str, found: str, remedy: str) -> Finding:
    """Something does not work."""
    return Finding(Verdict.FAIL, check, found, remedy)


def skip(check: str, remedy: str) -> Finding:
    """Not checked, and what to give so that it is."""
    return Finding(Verdict.SKIP, check, "not checked", remedy)
