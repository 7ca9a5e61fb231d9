"""Wallet address URLs, payment pointers and resource URLs (Open Payments docs, RFC 26).

A wallet address is an https URL without user name, port, query or fragment; one without a path
stands for `/.well-known/pay`. Local set-ups use http and ports, so those two can be allowed.
"""

import re
from dataclasses import dataclass
from typing import Final

from ilpkit.openpayments.errors import InvalidWalletAddress

URL_CHARACTERS_MAX: Final = 2048
DEFAULT_PATH: Final = "/.well-known/pay"
"""RFC 26: where a payment pointer or wallet address without a path points."""
RESERVED_SEGMENTS: Final = frozenset(
    {"incoming-payments", "outgoing-payments", "quotes", "jwks.json", "did.json"}
)
"""Path segments that name something else than a wallet address."""

_SEGMENT = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*"
_TAIL = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*"
_HTTP_URL = re.compile(
    rf"""
    (?P<scheme>https?)://(?P<host>[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{{1,5}})?
    (?P<path>(?:/{_SEGMENT})*)(?P<query>\?{_TAIL})?(?P<fragment>\#{_TAIL})?
    """,
    re.VERBOSE,
)
_ABSOLUTE_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):[!#-;=?-\[\]_a-z~%]+")
_SCRIPT_SCHEMES: Final = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})
_RECEIVER = re.compile(r"https?://.+/incoming-payments/.+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddressRules:
    """What may differ between production and a local set-up."""

    http_allowed: bool = False
    port_allowed: bool = False


PRODUCTION_RULES: Final = WalletAddressRules()
LOCAL_RULES: Final = WalletAddressRules(http_allowed=True, port_allowed=True)


def is_http_url(text: str) -> bool:
    """Whether the text is an absolute http or https URL in RFC 3986 characters."""
    return len(text) <= URL_CHARACTERS_MAX and _HTTP_URL.fullmatch(text) is not None


def is_redirect_uri(text: str) -> bool:
    """Whether a browser may be sent there: any absolute URI, an app's own scheme included.

    Schemes that carry a script or a document instead of naming a place are not places.
    """
    match = _ABSOLUTE_URI.fullmatch(text) if len(text) <= URL_CHARACTERS_MAX else None
    return match is not None and match["scheme"].lower() not in _SCRIPT_SCHEMES


def is_receiver(text: str) -> bool:
    """Whether the text is the URL of an incoming payment, by the pattern in the API."""
    return is_http_url(text) and _RECEIVER.fullmatch(text) is not None


def normalise_wallet_address(text: str, *, rules: WalletAddressRules = PRODUCTION_RULES) -> str:
    """The wallet address URL that a URL or payment pointer (`$host/path`) stands for.

    The host is lower-cased; an empty path becomes `/.well-known/pay`; the rest is left as it is,
    because a wallet address names itself. Raises InvalidWalletAddress.
    """
    url = f"https://{text[1:]}" if text.startswith("$") else text
    match = _HTTP_URL.fullmatch(url) if len(url) <= URL_CHARACTERS_MAX else None
    if match is None:
        raise _invalid("is not a URL or payment pointer", "send https://host/path or $host/path")
    if match["scheme"] == "http" and not rules.http_allowed:
        raise _invalid("is not https", "use https")
    if match["port"] and not rules.port_allowed:
        raise _invalid("has a port", "leave the port out")
    if match["query"] is not None or match["fragment"] is not None:
        raise _invalid("has a query or fragment", "end it after the path")
    path = match["path"]
    if any(segment in (".", "..") for segment in path.split("/")):
        raise _invalid("has . or .. in its path", "write the path out")
    host = f"{match['scheme']}://{match['host'].lower()}{match['port'] or ''}"
    return host + (path if path.strip("/") else DEFAULT_PATH)


def normalise_hosted_wallet_address(
    text: str, *, rules: WalletAddressRules = PRODUCTION_RULES
) -> str:
    """A wallet address that this server may host: lower case, no trailing slash, nothing reserved.

    Raises InvalidWalletAddress.
    """
    url = normalise_wallet_address(text, rules=rules).lower().rstrip("/")
    segments = url.split("/")[3:]
    if "" in segments:
        raise _invalid("has an empty path segment", "write single slashes")
    reserved = RESERVED_SEGMENTS.intersection(segments)
    if reserved:
        raise _invalid(f"uses the reserved name {min(reserved)}", "choose another path")
    return url


def keys_url(wallet_address: str) -> str:
    """Where the wallet address publishes its keys (wallet address API, GET /jwks.json)."""
    return f"{wallet_address.rstrip('/')}/jwks.json"


def resource_id(url: str, *, collection: str) -> str | None:
    """The id in `…/<collection>/<id>`, a trailing slash tolerated; None for any other text."""
    match = _HTTP_URL.fullmatch(url) if len(url) <= URL_CHARACTERS_MAX else None
    if match is None:
        return None
    before, _, last = match["path"].rstrip("/").rpartition("/")
    return last if last and before.rpartition("/")[2] == collection else None


def _invalid(limit: str, remedy: str) -> InvalidWalletAddress:
    return InvalidWalletAddress(field="walletAddress", limit=limit, remedy=remedy)
