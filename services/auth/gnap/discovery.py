"""What this server offers, for clients that don't know it yet (RFC 9635 section 9)."""

from servicekit.http_listener import Request, Response

from services.auth.gnap.urls import PublicUrls


class DiscoveryRoutes:
    """Answers GET /discovery."""

    def __init__(self, *, urls: PublicUrls) -> None:
        self._response = Response.json(
            200,
            {
                "grant_request_endpoint": urls.target("/"),
                "interaction_start_modes_supported": ["redirect"],
                "interaction_finish_methods_supported": ["redirect"],
                "key_proofs_supported": ["httpsig"],
                "sub_id_formats_supported": ["uri"],
            },
        )

    async def handle(self, _: Request) -> Response:
        """The document, which is the same for everybody."""
        return self._response
