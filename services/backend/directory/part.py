"""What the directory adds to a process."""

from servicekit.parts import Heard, Part

from services.backend.changes.announcement import DIRECTORY_CHANNEL
from services.backend.changes.hearing import HOUSEKEEPING, QUESTIONS_CHANNEL
from services.backend.directory.build import Lookups


def part(lookups: Lookups) -> Part:
    """That it hears of changes, and answers those who ask whether it did."""
    directory, hearing = lookups.directory, lookups.hearing

    async def nothing_missed() -> None:
        """Questions that were asked while nobody listened here have been given up."""

    return Part(
        channels={
            DIRECTORY_CHANNEL: Heard(on_notify=directory.on_notify, on_reload=directory.reload),
            QUESTIONS_CHANNEL: Heard(on_notify=hearing.on_question, on_reload=nothing_missed),
            hearing.answers_channel: Heard(on_notify=hearing.on_answer, on_reload=nothing_missed),
        },
        on_listening=[hearing.hear_on],
        housekeeping=[HOUSEKEEPING],
    )
