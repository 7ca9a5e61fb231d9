"""What granting adds to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part, Route

from services.auth.gnap.discovery import DiscoveryRoutes
from services.auth.gnap.urls import PublicUrls
from services.auth.granting.build import Granting
from services.auth.granting.servicer import GrantServicer
from services.auth.tokens.build import Tokens


def part(granting: Granting, tokens: Tokens, *, commands: Commands, urls: PublicUrls) -> Part:
    """The grant endpoint, and what it says of itself."""
    servicer = GrantServicer(commands=commands, granting=granting, tokens=tokens, urls=urls)
    discovery = Route(method="GET", path="/discovery", handler=DiscoveryRoutes(urls=urls).handle)
    return Part(servicers=[servicer], routes=[discovery])
