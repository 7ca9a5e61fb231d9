"""Small bounded HTTP requests to other parties: banks, rates services, webhook receivers."""

from collections.abc import Mapping
from typing import Final

import aiohttp

RESPONSE_BYTES_MAX: Final = 256 * 1024
TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 512


class BadReplyError(OSError):
    """The other party gave no answer that can be used; it may give one later."""


class RefusedError(BadReplyError):
    """What was asked for will not be had however often it is asked for."""


def new_session() -> aiohttp.ClientSession:
    """A keep-alive session; redirects are never followed, since they would leave the signed URL."""
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
    """Status and body of one request.

    Raises:
        RefusedError: the URL is none, or the answer is too large.
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
    except TimeoutError as error:
        raise BadReplyError(f"no answer within {timeout_s} s") from error
    except ValueError as error:
        # aiohttp's InvalidURL is one, and so is a header that can't be sent.
        raise RefusedError(str(error) or type(error).__name__) from error
    except aiohttp.ClientError as error:
        raise BadReplyError(str(error) or type(error).__name__) from error
