"""What quotes add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.quotes.build import Quotes
from services.backend.quotes.servicer import QuoteServicer, QuoteUrls


def part(
    quotes: Quotes, *, wallet_addresses: WalletAddresses, commands: Commands, urls: QuoteUrls
) -> Part:
    """The RPCs of Open Payments."""
    servicer = QuoteServicer(
        queries=quotes.queries,
        create=quotes.create,
        wallet_addresses=wallet_addresses,
        commands=commands,
        urls=urls,
    )
    return Part(servicers=[servicer])
