"""What tokens add to a process."""

from datetime import timedelta

from servicekit.clock import Clock
from servicekit.parts import Part

from services.auth.tokens.housekeeping import tokens_housekeeping


def part(*, clock: Clock, keep: timedelta) -> Part:
    """The end of those that expired long ago."""
    return Part(housekeeping=[tokens_housekeeping(clock=clock, keep=keep)])
