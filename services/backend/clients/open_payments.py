"""Other banks' Open Payments and GNAP servers, with requests signed by this node's own key."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.httpsig.sign import sign_request
from ilpkit.openpayments.urls import is_http_url
from pydantic_core import from_json, to_json
from servicekit.clock import Clock

from services.backend.clients.http import BadReplyError, RefusedError, fetch

JSON: Final = "application/json"
_OK: Final = frozenset({200, 201})


class DeniedError(RefusedError):
    """The token, or this node, was not accepted."""


class MissingError(RefusedError):
    """There is no such thing there."""


# What a status other than success means; any other one is refused, redirects included, since they
# would leave the signed URL, and 5xx may pass.
_STATUS_ERRORS: Final[Mapping[int, type[BadReplyError]]] = {
    401: DeniedError,
    403: DeniedError,
    404: MissingError,
    408: BadReplyError,
    410: MissingError,
    425: BadReplyError,
    429: BadReplyError,
}
_SERVER_ERRORS: Final = 500


class OpenPaymentsClient:
    """Signed JSON requests."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        private_key: Ed25519PrivateKey,
        key_id: str,
        wallet_address: str,
        clock: Clock,
    ) -> None:
        self._session = session
        self._private_key = private_key
        self._key_id = key_id
        self._clock = clock
        self.wallet_address = wallet_address
        """Who this node is towards authorization servers."""

    async def get(self, url: str, *, token: str | None = None) -> bytes:
        """The body of a GET; signed when there is a token.

        Raises:
            DeniedError, MissingError: the server says so.
            RefusedError: it refuses, or the URL may not be called.
            OSError: no usable answer now.
        """
        return await self._request("GET", url, body=None, token=token, signed=token is not None)

    async def post(self, url: str, document: dict[str, Any], *, token: str | None = None) -> bytes:
        """The body of a signed POST's answer; raises as `get` does."""
        return await self._request("POST", url, body=to_json(document), token=token, signed=True)

    async def post_empty(self, url: str, *, token: str) -> bytes:
        """The body of a signed POST without a body; raises as `get` does."""
        return await self._request("POST", url, body=None, token=token, signed=True)

    async def _request(
        self, method: str, url: str, *, body: bytes | None, token: str | None, signed: bool
    ) -> bytes:
        if not is_http_url(url):
            raise RefusedError(f"{url} is no http or https URL")
        headers = {"accept": JSON}
        if token is not None:
            headers["authorization"] = f"GNAP {token}"
        if signed:
            headers |= sign_request(
                method=method,
                target_uri=url,
                headers=headers,
                body=body,
                key_id=self._key_id,
                private_key=self._private_key,
                created=self._clock.now_ms() // 1000,
            )
        status, content = await fetch(self._session, method, url, headers=headers, body=body)
        if status in _OK:
            return content
        other = BadReplyError if status >= _SERVER_ERRORS else RefusedError
        raise _STATUS_ERRORS.get(status, other)(f"{method} {url} answered {status}")


def read_json(content: bytes) -> dict[str, Any]:
    """A JSON object from another party; raises RefusedError when it is none."""
    try:
        document = from_json(content)
    except ValueError as error:
        raise RefusedError("the answer is no JSON") from error
    if not isinstance(document, dict):
        raise RefusedError("the answer is no JSON object")
    return document
