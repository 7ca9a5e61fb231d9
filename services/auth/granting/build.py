"""The use cases of clients, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.auth.granting.commands.cancel_grant import CancelGrant
from services.auth.granting.commands.continue_grant import ContinueGrant
from services.auth.granting.commands.create_grant import CreateGrant, Displays
from services.auth.granting.model import GrantTimes
from services.auth.granting.policy import InteractionPolicy
from services.auth.tokens.issuing import TokenIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """Everything that clients can do about grants."""

    create: CreateGrant
    continue_: ContinueGrant
    cancel: CancelGrant


def build(
    *,
    database: Database,
    clock: Clock,
    ids: IdSource,
    issuer: TokenIssuer,
    displays: Displays,
    policy: InteractionPolicy,
    times: GrantTimes,
) -> Granting:
    """Wire them."""
    return Granting(
        create=CreateGrant(
            database=database,
            clock=clock,
            ids=ids,
            issuer=issuer,
            displays=displays,
            policy=policy,
            times=times,
        ),
        continue_=ContinueGrant(database=database, clock=clock, issuer=issuer, times=times),
        cancel=CancelGrant(database=database, clock=clock),
    )
