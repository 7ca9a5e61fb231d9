"""The use cases of quotes, put together."""

from dataclasses import dataclass
from datetime import timedelta

from ilpkit.money import Ratio
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.directory.worker import Directory
from services.backend.quotes.commands.create_quote import CreateQuote, Wallets
from services.backend.quotes.path_limits import PathLimits
from services.backend.quotes.pricing import Pricing, Receivers
from services.backend.quotes.queries import QuoteQueries
from services.backend.rates.service import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Everything that can be done with quotes."""

    queries: QuoteQueries
    create: CreateQuote
    path_limits: PathLimits


def build(
    *,
    database: Database,
    directory: Directory,
    wallets: Wallets,
    rates: Rates,
    receivers: Receivers,
    clock: Clock,
    ids: IdSource,
    lifespan: timedelta,
    slippage: Ratio | None,
) -> Quotes:
    """Wire them."""
    queries = QuoteQueries(database=database)
    path_limits = PathLimits(database=database, directory=directory, clock=clock)
    pricing = Pricing(
        directory=directory,
        rates=rates,
        receivers=receivers,
        path_limits=path_limits,
        clock=clock,
        ids=ids,
        lifespan=lifespan,
        slippage=slippage,
    )
    return Quotes(
        queries=queries,
        create=CreateQuote(wallets=wallets, pricing=pricing, queries=queries),
        path_limits=path_limits,
    )
