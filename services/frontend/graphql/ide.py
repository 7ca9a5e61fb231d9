"""GraphiQL for development: the library's page, whose requests the browser signs.

The page asks for the tenant's id and API secret, keeps both in the tab, and signs as an account
servicing entity does: nothing of the server is open to it that a signature does not open.
"""

from pathlib import Path
from typing import Final

from strawberry.http.ides import get_graphql_ide_html

_SIGNING: Final = Path(__file__).with_name("ide_signing.js")


def graphiql_page(*, signature_version: int) -> bytes:
    """The page."""
    script = _SIGNING.read_text().replace("SIGNATURE_VERSION", str(signature_version))
    page = get_graphql_ide_html("graphiql")
    head, found, rest = page.partition("<head>")
    assert found, "the library's page has a head"
    return f"{head}{found}<script>{script}</script>{rest}".encode()
