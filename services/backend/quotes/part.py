"""What quotes add to a process."""

from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.parts import Part

from services.backend.quotes.build import Quotes
from services.backend.quotes.servicer import QuoteServicer, QuoteUrls


def part(quotes: Quotes, *, database: Database, commands: Commands, urls: QuoteUrls) -> Part:
    """The RPCs of Open Payments."""
    servicer = QuoteServicer(
        queries=quotes.queries,
        create=quotes.create,
        database=database,
        commands=commands,
        urls=urls,
    )
    return Part(servicers=[servicer])
