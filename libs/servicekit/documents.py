"""Small JSON documents of other servers, fetched with bounds on everything.

Strangers name the URL, so in production only https to public addresses is fetched: else anyone
could make this server call its own network. A local set-up allows the rest.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

DOCUMENT_BYTES_MAX: Final = 64 * 1024
FETCH_TIMEOUT_S: Final = 5.0
REDIRECTS_MAX: Final = 3
CONNECTIONS_MAX: Final = 64
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200


class FetchFailed(Exception):  # noqa: N818 - named by what happened
    """A document can't be had; the text is one sentence fit for whoever named its URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """What may differ between production and a local set-up."""

    http_allowed: bool
    private_addresses_allowed: bool


PRODUCTION_FETCHES: Final = FetchRules(http_allowed=False, private_addresses_allowed=False)
LOCAL_FETCHES: Final = FetchRules(http_allowed=True, private_addresses_allowed=True)


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead into private networks."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(_is_public(entry["host"]) for entry in found):
            raise OSError(None, f"{host} is not a public address")
        return found

    async def close(self) -> None:
        await self._inner.close()


class JsonFetcher:
    """GETs documents; redirects are followed to URLs that the rules allow."""

    def __init__(self, *, rules: FetchRules) -> None:
        self._rules = rules
        self._session = outside_session(rules)

    async def get(self, url: str) -> bytes:
        """The document at a URL.

        Raises:
            FetchFailed: it is not allowed, not there, too large or too slow.
        """
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return await self._follow(url)
        except TimeoutError:
            raise FetchFailed(f"{url} did not answer within {FETCH_TIMEOUT_S:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(f"{url} can't be fetched: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _follow(self, url: str) -> bytes:
        for _ in range(REDIRECTS_MAX + 1):
            check_outside_url(url, self._rules)
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in _REDIRECTS and "location" in response.headers:
                    target = urljoin(url, response.headers["location"])
                    if url.startswith("https:") and not target.startswith("https:"):
                        raise FetchFailed(f"{url} redirects away from https")
                    url = target
                    continue
                if response.status != _OK:
                    raise FetchFailed(f"{url} answered {response.status}")
                body = await _read(response)
                if body is None:
                    raise FetchFailed(f"{url} is larger than {DOCUMENT_BYTES_MAX} bytes")
                return body
        raise FetchFailed(f"{url} redirects more than {REDIRECTS_MAX} times")


def outside_session(
    rules: FetchRules, *, connections_max: int = CONNECTIONS_MAX
) -> aiohttp.ClientSession:
    """Connections to servers that others name; names that lead into private networks are refused.

    A literal address never reaches the resolver: `check_outside_url` comes before each request.
    """
    resolver = None if rules.private_addresses_allowed else _PublicResolver()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections_max, resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S),
        headers={"accept": "application/json"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


def check_outside_url(url: str, rules: FetchRules) -> None:
    """Raise FetchFailed unless the rules allow this URL."""
    parts = urlsplit(url)
    allowed = ("https", "http") if rules.http_allowed else ("https",)
    if parts.scheme not in allowed or not parts.hostname:
        raise FetchFailed(f"{url} is not an {' or '.join(allowed)} URL")
    private = _is_literal(parts.hostname) and not _is_public(parts.hostname)
    if private and not rules.private_addresses_allowed:
        raise FetchFailed(f"{url} is not on a public address")


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    chunks, size = list[bytes](), 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > DOCUMENT_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(host: str) -> bool:
    # A scope id (fe80::1%eth0) marks an address of this machine's own links.
    return "%" not in host and ipaddress.ip_address(host).is_global
