"""The use cases of interactions, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database

from services.auth.gnap.urls import PublicUrls
from services.auth.interactions.commands.decide_interaction import DecideInteraction
from services.auth.interactions.commands.finish_interaction import FinishInteraction
from services.auth.interactions.queries import InteractionQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """Everything that can be done with interactions."""

    queries: InteractionQueries
    decide: DecideInteraction
    finish: FinishInteraction


def build(*, database: Database, clock: Clock, urls: PublicUrls) -> Interactions:
    """Wire them."""
    queries = InteractionQueries(database=database, clock=clock)
    return Interactions(
        queries=queries,
        decide=DecideInteraction(queries=queries, clock=clock),
        finish=FinishInteraction(queries=queries, clock=clock, urls=urls),
    )
