"""Small bounded HTTP requests to other parties: banks, rates services, webhook receivers."""

from collections.abc import Mapping
from typing import Final

import aiohttp
from servicekit.documents import FetchFailed

RESPONSE_BYTES_MAX: Final = 256 * 1024
TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 512


class Sessions:
    """The session for a URL: the operator's own settings may lead into its network, others not."""

    def __init__(
        self,
        *,
        own: aiohttp.ClientSession,
        own_urls: frozenset[str],
        outside: aiohttp.ClientSession,
    ) -> None:
        self._own = own
        self._own_urls = own_urls
        self._outside = outside

    def of(self, url: str) -> aiohttp.ClientSession:
        """The session that may call a URL as it stands in a setting."""
        return self._own if url in self._own_urls else self._outside


class BadReplyError(OSError):
    """The other party gave no answer that can be used; it may give one later."""


class RefusedError(BadReplyError):
    """What was asked for will not be had however often it is asked for."""


def new_session() -> aiohttp.ClientSession:
    """A keep-alive session to where the operator says."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


async def fetch(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, bytes]:
    """Status and body of one request; a redirect is an answer, since it would leave the signed URL.

    Raises:
        RefusedError: the URL is none or may not be called, or the answer is too large.
        OSError: nobody answered in time.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.request(
            method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
        ) as response:
            content = await response.content.read(RESPONSE_BYTES_MAX + 1)
            # One read may return early: go on until the end or the limit.
            while len(content) <= RESPONSE_BYTES_MAX and not response.content.at_eof():
                content += await response.content.read(RESPONSE_BYTES_MAX + 1 - len(content))
            if len(content) > RESPONSE_BYTES_MAX:
                raise RefusedError(f"the answer has more than {RESPONSE_BYTES_MAX} bytes")
            return response.status, content
    except FetchFailed as error:
        raise RefusedError(str(error)) from error
    except TimeoutError as error:
        raise BadReplyError(f"no answer within {timeout_s} s") from error
    except ValueError as error:
        # aiohttp's InvalidURL is one, and so is a header that can't be sent.
        raise RefusedError(str(error) or type(error).__name__) from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, FetchFailed):
            raise RefusedError(str(error.os_error)) from error
        raise BadReplyError(str(error)) from error
    except aiohttp.ClientError as error:
        raise BadReplyError(str(error) or type(error).__name__) from error
