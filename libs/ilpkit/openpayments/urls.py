"""Wallet address URLs, payment pointers and resource URLs (Open Payments docs, RFC 26)."""

import re
from typing import Final
from unicodedata import category, normalize
from urllib.parse import quote, unquote

from ilpkit.openpayments.errors import InvalidWalletAddress

URL_CHARACTERS_MAX: Final = 2048
DEFAULT_PATH: Final = "/.well-known/pay"
"""RFC 26: where a payment pointer or wallet address without a path points."""
PORT_MAX: Final = 65_535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SEGMENT_MARKS: Final = "-._~!$&'()*+,;=:@"
"""What may stand in a segment of a path besides letters and digits (RFC 3986, pchar)."""

_SEGMENT = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*"
_TAIL = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*"
_HTTP_URL = re.compile(
    rf"""
    (?P<scheme>https?)://(?P<host>[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{{1,5}})?
    (?P<path>(?:/{_SEGMENT})*)(?P<query>\?{_TAIL})?(?P<fragment>\#{_TAIL})?
    """,
    re.VERBOSE,
)
_WALLET_ADDRESS = re.compile(
    r"""
    (?P<scheme>https?)://(?P<host>[a-z0-9.\-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?
    (?P<path>(?:/[^/?\#]*)*)
    """,
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
_ABSOLUTE_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):[!#-;=?-\[\]_a-z~%]+")
_NOT_OPENED: Final = frozenset(
    {
        *("javascript", "data", "vbscript", "file", "blob", "about"),
        *("ftp", "ftps", "ws", "wss", "mailto", "tel"),
    }
)
"""Schemes that name no place, but carry a script or a document; and those no client waits at."""
_USERINFO = re.compile(r"[^:]+://[^/?#]*@")
_RECEIVER = re.compile(r"https?://.+/incoming-payments/.+")


def is_http_url(text: str) -> bool:
    """Whether the text is an absolute http or https URL in RFC 3986 characters."""
    return len(text) <= URL_CHARACTERS_MAX and _HTTP_URL.fullmatch(text) is not None


def is_redirect_uri(text: str) -> bool:
    """Whether a browser may be sent there: any absolute URI, an app's own scheme included.

    A name or password before the host makes a URI look like one of another host: not with one.
    """
    match = _ABSOLUTE_URI.fullmatch(text) if len(text) <= URL_CHARACTERS_MAX else None
    if match is None or _USERINFO.match(text) is not None:
        return False
    return match["scheme"].lower() not in _NOT_OPENED


def is_receiver(text: str) -> bool:
    """Whether the text is the URL of an incoming payment, by the pattern in the API."""
    return is_http_url(text) and _RECEIVER.fullmatch(text) is not None


def canonical_wallet_address(text: str) -> str:
    """The one spelling under which a wallet address is kept, looked up and compared.

    These spell the same address: a payment pointer (`$host/path`) and its https URL, upper and
    lower case, a default port and none, an escaped character and the character itself, a trailing
    or doubled slash and a single one, no path and `/.well-known/pay`. Raises InvalidWalletAddress.
    """
    url = f"https://{text[1:]}" if text.startswith("$") else text
    match = _WALLET_ADDRESS.fullmatch(url) if len(url) <= URL_CHARACTERS_MAX else None
    if match is None:
        raise _invalid(
            f"is not a URL or payment pointer of at most {URL_CHARACTERS_MAX} characters",
            "send https://host/path or $host/path without user, query and fragment",
        )
    scheme = match["scheme"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if port > PORT_MAX:
        raise _invalid(f"has a port beyond {PORT_MAX}", "send the port that is listened on")
    authority = match["host"].lower() + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
    segments = [_canonical_segment(part) for part in match["path"].split("/") if part]
    path = "/" + "/".join(segments) if segments else DEFAULT_PATH
    canonical = f"{scheme}://{authority}{path}"
    if len(canonical) > URL_CHARACTERS_MAX:
        raise _invalid(
            f"has more than {URL_CHARACTERS_MAX} characters when it is escaped", "shorten it"
        )
    return canonical


def canonical_base(url: str) -> str:
    """What the canonical wallet addresses below a URL begin with, before the slash.

    A bare origin stays one here, where `canonical_wallet_address` gives it the default path. Raises
    InvalidWalletAddress.
    """
    return canonical_wallet_address(f"{url}/x").removesuffix("/x")


def same_wallet_address(one: str, other: str) -> bool:
    """Whether two texts spell the same wallet address; what is none equals only itself."""
    if one == other:
        return True
    try:
        return canonical_wallet_address(one) == canonical_wallet_address(other)
    except InvalidWalletAddress:
        return False


def _canonical_segment(segment: str) -> str:
    try:
        # Composed and without case: what reads the same is the same. Composing comes last, since
        # lower case may take letters apart.
        text = normalize("NFC", unquote(segment, errors="strict").lower())
        escaped = quote(text, safe=_SEGMENT_MARKS, errors="strict").lower()
    except UnicodeError:
        raise _invalid("has a path that is no UTF-8", "escape the path's UTF-8 bytes") from None
    if text in (".", ".."):
        raise _invalid("has . or .. in its path", "write the path out")
    if any(not (c in _SEGMENT_MARKS or c.isalnum() or category(c)[0] == "M") for c in text):
        raise _invalid(
            "has a path with other characters than letters, digits and -._~!$&'()*+,;=:@",
            "choose another path",
        )
    return escaped


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
