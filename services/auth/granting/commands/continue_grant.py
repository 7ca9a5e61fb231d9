"""Issue the token of an approved grant, once; or say how long to wait."""

from dataclasses import dataclass
from datetime import datetime

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.auth.gnap.errors import UnprovenContinuation
from services.auth.granting.model import Continuation, GrantAnswer, GrantTimes
from services.auth.granting.policy import NextStep, next_step
from services.auth.grants import repository as grants
from services.auth.grants.model import Finalization, Grant, GrantState
from services.auth.interactions import repository as interactions
from services.auth.secrets.model import hash_secret
from services.auth.tokens.issuing import TokenIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStepOf:
    """A grant as it is now, and where its continuation leads."""

    grant: Grant
    step: NextStep
    now: datetime


class ContinueGrant(Command[Continuation, NextStepOf, GrantAnswer]):
    """Continues grants.

    Of two continuations of one grant at once, the first moves it to FINALIZED and issues the token;
    the second finds it there when it looks again, and is refused.

    Raises:
        UnprovenContinuation: no grant has this continue id and token.
        UnknownContinuation, RequestDenied, TooFast: see `policy.next_step`.
    """

    def __init__(
        self, *, database: Database, clock: Clock, issuer: TokenIssuer, times: GrantTimes
    ) -> None:
        self._database = database
        self._clock = clock
        self._issuer = issuer
        self._times = times

    async def read(self, given: Continuation) -> NextStepOf:
        """The grant and its interaction, if it can be continued now."""
        async with self._database.read() as session:
            found = await interactions.find_continuable(
                session, given.continue_id, hash_secret(given.continue_token)
            )
        if found is None or given.grant_id not in (None, found[0].id):
            raise UnprovenContinuation
        grant, interaction = found
        now = self._clock.now()
        step = next_step(
            grant,
            interaction,
            interact_ref=given.interact_ref,
            now=now,
            wait_s=self._times.wait_s,
        )
        return NextStepOf(grant=grant, step=step, now=now)

    async def write(
        self, session: WriteSession, given: Continuation, facts: NextStepOf
    ) -> GrantAnswer:
        """The token with the grant's last state, or when the client polled."""
        grant = facts.grant
        if facts.step is NextStep.WAIT:
            grants.set_polled(session, grant, facts.now)
            return GrantAnswer(
                grant=grant, continue_token=given.continue_token, wait_s=self._times.wait_s
            )
        grants.move(session, grant, GrantState.FINALIZED, Finalization.ISSUED)
        token = self._issuer.issue(session, grant_id=grant.id) if grant.access else None
        return GrantAnswer(
            grant=grant, continue_token=given.continue_token, token=token, approved=True
        )
