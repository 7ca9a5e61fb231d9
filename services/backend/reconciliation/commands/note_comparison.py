"""Write what a comparison came to: how far it is, what differs, and what agrees again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.reconciliation import repository
from services.backend.reconciliation.model import Agreed, Difference, Finding

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is to be written of one."""

    agreed: Sequence[Agreed]
    """How far accounts were walked."""
    seen_event: UUID | None
    """The last event whose payment was compared."""
    differing: Sequence[Finding]
    """New, or of another size than before."""
    resolved: Sequence[Difference]


class NoteComparison(Command[Comparison, None, None]):
    """A repeat is a no-op: of several processes that come to the same, one counts."""

    def __init__(self, *, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    async def write(self, session: WriteSession, given: Comparison, facts: None) -> None:
        """All of it together, so that what was passed by has been reported."""
        del facts
        now = self._clock.now()
        if given.agreed:
            await repository.agree(session, given.agreed)
        if given.seen_event is not None:
            await repository.see_events(session, given.seen_event)
        for finding in given.differing:
            await repository.report(session, self._ids.uuid(), finding, now)
        if given.resolved:
            await repository.resolve(session, [each.id for each in given.resolved], now)

    async def finish(self, given: Comparison, done: None) -> None:
        """Say so in the log."""
        del done
        for finding in given.differing:
            _log.critical(
                "books_differ",
                kind=str(finding.kind),
                subject=str(finding.subject_id),
                expected=finding.expected,
                found=finding.found,
                transfer=str(finding.transfer_id),
            )
