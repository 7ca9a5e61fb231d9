"""What goes wrong when another server is asked about a client."""


class FetchFailed(Exception):  # noqa: N818 - named by what happened
    """A document of a client can't be had; the text is one sentence fit for the client to read."""
