"""Wallet addresses, payment pointers and resource URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import (
    LOCAL_RULES,
    URL_CHARACTERS_MAX,
    is_http_url,
    is_receiver,
    is_redirect_uri,
    keys_url,
    normalise_hosted_wallet_address,
    normalise_wallet_address,
    resource_id,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example/alice", "https://a.example/alice"),
        ("https://A.Example/Alice", "https://a.example/Alice"),
        ("https://a.example", "https://a.example/.well-known/pay"),
        ("https://a.example/", "https://a.example/.well-known/pay"),
        ("$a.example", "https://a.example/.well-known/pay"),
        ("$a.example/", "https://a.example/.well-known/pay"),
        ("$a.example/alice/", "https://a.example/alice/"),
        ("https://a.example/a%20b", "https://a.example/a%20b"),
        ("https://[::1]/a", "https://[::1]/a"),
    ],
)
def test_normal_forms(text: str, url: str) -> None:
    assert normalise_wallet_address(text) == url
    assert normalise_wallet_address(url) == url


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", "is not a URL"),
        ("alice", "is not a URL"),
        ("ftp://a.example/alice", "is not a URL"),
        ("https://user@a.example/alice", "is not a URL"),
        ("https://a.example/ä", "is not a URL"),
        ("https://a.example/%zz", "is not a URL"),
        ("https://a.example/" + "a" * URL_CHARACTERS_MAX, "is not a URL"),
        ("http://a.example/alice", "is not https"),
        ("https://a.example:444/alice", "has a port"),
        ("https://a.example/alice?x=1", "has a query or fragment"),
        ("https://a.example/alice?", "has a query or fragment"),
        ("https://a.example/alice#x", "has a query or fragment"),
        ("$a.example/a?b", "has a query or fragment"),
        ("https://a.example/../alice", "has . or .."),
    ],
)
def test_refused_wallet_addresses(text: str, limit: str) -> None:
    with pytest.raises(InvalidWalletAddress) as caught:
        normalise_wallet_address(text)
    assert caught.value.limit.startswith(limit)


def test_local_rules_allow_http_and_ports() -> None:
    url = "http://127.0.0.1:3000/alice"
    assert normalise_wallet_address(url, rules=LOCAL_RULES) == url


def test_hosted_wallet_addresses_are_lower_case_and_unreserved() -> None:
    assert normalise_hosted_wallet_address("https://a.example/Alice/") == "https://a.example/alice"
    for text, limit in (
        ("https://a.example/quotes", "uses the reserved name quotes"),
        ("https://a.example/a/Incoming-Payments/b", "uses the reserved name incoming-payments"),
        ("https://a.example//a", "has an empty path segment"),
    ):
        with pytest.raises(InvalidWalletAddress) as caught:
            normalise_hosted_wallet_address(text)
        assert caught.value.limit == limit
    assert normalise_hosted_wallet_address("https://a.example/quotes-of-alice").endswith("alice")


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
        url = normalise_hosted_wallet_address(text, rules=LOCAL_RULES)
    except InvalidWalletAddress:
        return
    assert is_http_url(url)
    assert normalise_hosted_wallet_address(url, rules=LOCAL_RULES) == url
