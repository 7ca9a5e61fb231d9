"""Wallet addresses, payment pointers and resource URLs."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import (
    URL_CHARACTERS_MAX,
    canonical_base,
    canonical_wallet_address,
    is_http_url,
    is_receiver,
    is_redirect_uri,
    keys_url,
    resource_id,
    same_wallet_address,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example/alice", "https://a.example/alice"),
        ("HTTPS://A.Example:443/Alice/", "https://a.example/alice"),
        ("http://127.0.0.1:080//alice", "http://127.0.0.1/alice"),
        ("http://127.0.0.1:3000/alice", "http://127.0.0.1:3000/alice"),
        ("https://a.example", "https://a.example/.well-known/pay"),
        ("https://a.example//", "https://a.example/.well-known/pay"),
        ("$a.example/alice/", "https://a.example/alice"),
        ("https://a.example/%61lice", "https://a.example/alice"),
        ("https://a.example/\u00e9", "https://a.example/%c3%a9"),
        ("https://a.example/%C3%89", "https://a.example/%c3%a9"),
        ("https://a.example/e\u0301", "https://a.example/%c3%a9"),
        ("https://[::1]/a", "https://[::1]/a"),
    ],
)
def test_a_wallet_address_has_one_spelling(text: str, url: str) -> None:
    assert canonical_wallet_address(text) == url
    assert canonical_wallet_address(url) == url
    assert same_wallet_address(text, url)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", "is not a URL"),
        ("alice", "is not a URL"),
        ("ftp://a.example/alice", "is not a URL"),
        ("http://[::1", "is not a URL"),
        ("https://user@a.example/alice", "is not a URL"),
        ("https://a.example/" + "a" * URL_CHARACTERS_MAX, "is not a URL"),
        ("https://a.example/alice?", "is not a URL"),
        ("$a.example/a#b", "is not a URL"),
        ("https://a.example:65536/alice", "has a port beyond 65535"),
        ("https://a.example/" + "\u00e9" * 400, "has more than"),
        ("https://a.example/%zz", "has a path with other characters"),
        ("https://a.example/a b", "has a path with other characters"),
        ("https://a.example/a%2Fb", "has a path with other characters"),
        ("https://a.example/a%00", "has a path with other characters"),
        ("https://a.example/%ff", "has a path that is no UTF-8"),
        ("https://a.example/\ud800", "has a path that is no UTF-8"),
        ("https://a.example/x/../alice", "has . or .."),
        ("https://a.example/x/%2E%2e/alice", "has . or .."),
    ],
)
def test_refused_wallet_addresses(text: str, limit: str) -> None:
    with pytest.raises(InvalidWalletAddress) as caught:
        canonical_wallet_address(text)
    assert caught.value.limit.startswith(limit)
    assert not same_wallet_address(text, "https://a.example/alice")


def test_a_base_keeps_its_empty_path() -> None:
    assert canonical_base("HTTPS://A.example:443/") == "https://a.example"
    assert canonical_base("https://a.example/Bank/") == "https://a.example/bank"


def test_keys_url_has_single_slashes() -> None:
    assert keys_url("https://a.example/alice") == "https://a.example/alice/jwks.json"
    assert keys_url("https://a.example/alice/") == "https://a.example/alice/jwks.json"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/quotes/1", "1"),
        ("https://a.example/tenant/quotes/1/", "1"),
        ("https://a.example/quotes/", None),
        ("https://a.example/quotes", None),
        ("https://a.example/incoming-payments/1", None),
        ("https://a.example/quotes/1/2", None),
        ("https://a.example", None),
        ("quotes/1", None),
        ("https://a.example/quotes/" + "1" * URL_CHARACTERS_MAX, None),
    ],
)
def test_resource_ids(url: str, expected: str | None) -> None:
    assert resource_id(url, collection="quotes") == expected


def test_receivers() -> None:
    assert is_receiver("https://a.example/incoming-payments/1")
    assert is_receiver("http://127.0.0.1:80/t/incoming-payments/1?x=y")
    assert not is_receiver("https://a.example/incoming-payments/")
    assert not is_receiver("https:///incoming-payments/1")


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("https://a.example/return?x=1#y", True),
        ("com.example.app:/return", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("ftp://a.example/return", False),
        ("FTP://a.example/return", False),
        ("https://user@a.example/return", False),
        ("https://bank.example:pw@evil.example/return", False),
        ("https://a.example/@return?x=a@b", True),
        ("/return", False),
        ("https://a.example/\r\nSet-Cookie:x", False),
        ("app:" + "a" * URL_CHARACTERS_MAX, False),
    ],
)
def test_redirect_uris(uri: str, allowed: bool) -> None:
    assert is_redirect_uri(uri) is allowed


@given(st.text() | st.text(alphabet="htps:/$a.b?#%2@[]"))
def test_any_text_is_normalised_or_refused(text: str) -> None:
    is_redirect_uri(text)
    resource_id(text, collection="quotes")
    try:
        url = canonical_wallet_address(text)
    except InvalidWalletAddress:
        return
    assert is_http_url(url)
    assert canonical_wallet_address(url) == url


_LETTERS = st.characters(categories=("L", "N", "Mn")) | st.sampled_from("-_~!$&'()*+,;=:@")
# Each letter with whether it is spelled as an escape.
_SEGMENT = st.lists(st.tuples(_LETTERS, st.booleans()), min_size=1, max_size=20)


@given(segments=st.lists(_SEGMENT, min_size=1, max_size=3), slash=st.sampled_from(["/", "//"]))
def test_equal_spellings_meet(segments: list[list[tuple[str, bool]]], slash: str) -> None:
    plain = "/".join("".join(letter for letter, _ in segment) for segment in segments)
    spelled = slash.join(
        "".join(quote(letter, safe="") if escaped else letter for letter, escaped in segment)
        for segment in segments
    )
    url = canonical_wallet_address(f"https://a.example/{plain}")
    assert canonical_wallet_address(f"https://A.EXAMPLE:443{slash}{spelled}/") == url
    assert canonical_wallet_address(unquote(url)) == url
    assert is_http_url(url)
