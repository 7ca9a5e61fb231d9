"""What a wallet address's URL shows to whom: a document to clients, a page to people."""

from enum import Enum
from urllib.parse import quote


class Form(Enum):
    """What a request wants to see."""

    DOCUMENT = "document"
    """The wallet address, as Open Payments describes it."""
    PAGE = "page"
    """A page for people, as browsers ask."""
    SPSP = "SPSP"
    """STREAM credentials without an incoming payment, which this node does not give."""


_FORMS = {"text/html": Form.PAGE, "application/spsp4+json": Form.SPSP}


def form_of(accept: str) -> Form:
    """What an Accept header asks for; the first form that it names counts, whatever its weight."""
    for media_range in accept.lower().split(","):
        form = _FORMS.get(media_range.partition(";")[0].strip())
        if form is not None:
            return form
    return Form.DOCUMENT


def page_of(template: str, address: str) -> str:
    """The page of a wallet address.

    In the template `%wa` stands for its URL, `%wp` for its payment pointer without the `$`, and
    `%ewa` and `%ewp` for the same, percent-encoded.
    """
    pointer = address.partition("://")[2]
    named = {
        "%ewa": quote(address, safe=""),
        "%ewp": quote(pointer, safe=""),
        "%wa": address,
        "%wp": pointer,
    }
    for name, value in named.items():
        template = template.replace(name, value)
    return template
