"""The URLs that this server hands out, all below its public origin."""

from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import UUID


class PublicUrls:
    """Builds URLs from `AUTH_SERVER_URL`, the address under which clients see this server."""

    def __init__(self, *, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        self._path = urlsplit(self._base).path

    @property
    def secure(self) -> bool:
        """Whether browsers reach this server over TLS."""
        return self._base.startswith("https://")

    def target(self, path_and_query: str) -> str:
        """The URL that a client signed, from the path and query as this server sees them."""
        return self._base + path_and_query

    def grant_endpoint(self, tenant_id: UUID) -> str:
        """Where a tenant's grants are asked for; part of the interaction hash."""
        return f"{self._base}/{tenant_id}"

    def continuation(self, continue_id: UUID) -> str:
        """Where a grant is continued."""
        return f"{self._base}/continue/{continue_id}"

    def token(self, management_id: UUID) -> str:
        """Where a token is rotated and revoked."""
        return f"{self._base}/token/{management_id}"

    def interaction(self, interaction_id: UUID, nonce: str, *, name: str, uri: str) -> str:
        """Where the client sends the user's browser."""
        query = urlencode({"clientName": name, "clientUri": uri}, quote_via=quote)
        return f"{self._base}/interact/{interaction_id}/{nonce}?{query}"

    def interaction_path(self, interaction_id: UUID) -> str:
        """The path, as a browser sees it, below which one interaction happens."""
        return f"{self._path}/interact/{interaction_id}"


def with_query(url: str, **parameters: str) -> str:
    """A URL with parameters added behind those it has; its fragment stays last."""
    parts = urlsplit(url)
    added = urlencode(parameters, quote_via=quote)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))
