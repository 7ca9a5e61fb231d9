"""Small JSON documents of other servers, fetched with bounds on everything.

Strangers name the URL, so in production only https to public addresses is fetched: else anyone
could make this server call its own network. A local set-up allows the rest.

`outside_session` keeps the rules for every request, redirects included. The address is checked when
its socket is made, not when the URL is read: a host has many spellings (decimal, octal, full-width
digits) that only the connecting code takes for an address, and a name may lead elsewhere next time.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog

DOCUMENT_BYTES_MAX: Final = 64 * 1024
FETCH_TIMEOUT_S: Final = 5.0
REDIRECTS_MAX: Final = 3
CONNECTIONS_MAX: Final = 64
SERVERS_MIN: Final = 8
"""How many servers it takes at least to use up the connections."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200
_log = structlog.get_logger(__name__)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


class FetchFailed(OSError):  # noqa: N818 - named by what happened
    """A document can't be had; the text is one sentence fit for whoever named its URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """What may differ between production and a local set-up."""

    http_allowed: bool
    private_addresses_allowed: bool


PRODUCTION_FETCHES: Final = FetchRules(http_allowed=False, private_addresses_allowed=False)
LOCAL_FETCHES: Final = FetchRules(http_allowed=True, private_addresses_allowed=True)


def fetch_rules(*, production: bool) -> FetchRules:
    """The rules of a set-up; the lax ones are said aloud, so that nobody has them unawares."""
    if production:
        return PRODUCTION_FETCHES
    _log.warning(
        "outside_calls_unrestricted",
        meaning="http and private addresses are called for strangers; NODE_ENV is not production",
    )
    return LOCAL_FETCHES


class JsonFetcher:
    """GETs documents; redirects are followed to URLs that the rules allow."""

    def __init__(self, *, rules: FetchRules) -> None:
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
        except FetchFailed:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(f"{url} can't be fetched: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _follow(self, url: str) -> bytes:
        for _ in range(REDIRECTS_MAX + 1):
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
    """Connections to servers that others name; a request against the rules raises FetchFailed.

    One server gets an eighth of them at most: one that is slow leaves room for the others.
    """

    async def check(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        _check_scheme(str(request.url), rules)
        return await handler(request)

    public_only = None if rules.private_addresses_allowed else _public_socket
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections_max,
            limit_per_host=max(connections_max // SERVERS_MIN, 1),
            socket_factory=public_only,
        ),
        middlewares=(check,),
        timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S),
        headers={"accept": "application/json"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


def _check_scheme(url: str, rules: FetchRules) -> None:
    allowed = ("https", "http") if rules.http_allowed else ("https",)
    if urlsplit(url).scheme not in allowed:
        raise FetchFailed(f"{url} is not an {' or '.join(allowed)} URL")


def _public_socket(address: Any) -> socket.socket:
    """A socket for one of the addresses that a host led to (as `socket.getaddrinfo` gives them)."""
    family, kind, protocol, _, where = address
    if not is_public(where[0]):
        raise FetchFailed(f"{where[0]} is not a public address")
    return socket.socket(family, kind, protocol)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    chunks, size = list[bytes](), 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > DOCUMENT_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def is_public(host: str) -> bool:
    """Whether an IP address belongs to the internet, also where it stands for an IPv4 address."""
    # A scope id (fe80::1%eth0) marks an address of this machine's own links.
    if "%" in host:
        return False
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
        # Forms in which a gateway finds an IPv4 address; none is in use on the internet.
        if address.ipv4_mapped or address.sixtofour or address.teredo:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
