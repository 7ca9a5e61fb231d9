"""Tell of the accounts whose liquidity has become low, each once until it has risen again."""

from collections.abc import Sequence

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.events.writer import EventWriter
from services.backend.low_liquidity import repository
from services.backend.low_liquidity.model import Level, low_liquidity


class NoteLevels(Command[Sequence[Level], None, None]):
    """The levels are what the ledger said a moment ago; processes that say so at once tell once."""

    def __init__(self, *, events: EventWriter, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    async def write(self, session: WriteSession, given: Sequence[Level], facts: None) -> None:
        """The marks, and the events of those that had none."""
        del facts
        low = [level for level in given if level.is_low]
        enough = [level for level in given if not level.is_low]
        if enough:
            repository.rise(session, enough)
        if not low:
            return
        new = await repository.fall(session, low, self._clock.now())
        told = [low_liquidity(level) for level in low if level.watched.id in new]
        await self._events.write(session, *told)
