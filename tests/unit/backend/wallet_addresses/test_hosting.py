"""Where this node can have wallet addresses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.openpayments.urls import canonical_wallet_address
from servicekit.errors import InvalidArgument

from deploy.envoy.routes import PUBLIC_ROUTES
from services.backend.wallet_addresses.hosting import (
    RESERVED_FIRST_SEGMENTS,
    RESERVED_SEGMENTS,
    hosted,
)

BASE = "http://bank.test/acme"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("alice", f"{BASE}/alice"),
        ("/Alice/", f"{BASE}/alice"),
        ("HTTP://bank.test:80/acme/%61lice", f"{BASE}/alice"),
        (BASE, BASE),
    ],
)
def test_an_address_below_the_base_is_kept_in_its_canonical_form(address: str, url: str) -> None:
    assert hosted(address, BASE) == url


@pytest.mark.parametrize(
    "address",
    [
        "http://bank.test/acmes/alice",
        "http://bank.test/acme/../other",
        "http://bank.test",
        "https://bank.test/acme/alice",
        "quotes/alice",
        "Quotes",
        "a\0b",
        "a\ud800b",
        "a" * 5000,
    ],
)
def test_an_address_that_can_not_be_had_is_refused_by_name(address: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        hosted(address, BASE)
    assert refused.value.field == "address"
    assert len(refused.value.message) < 1000
    refused.value.message.encode()


def test_every_path_that_the_listener_routes_elsewhere_is_reserved() -> None:
    for route in PUBLIC_ROUTES:
        names = [name for name in route.path.split("/") if re.fullmatch(r"[a-z-]+", name)]
        if route.shared or not names:
            continue
        first_is_fixed = route.path.startswith(f"/{names[0]}")
        reserved = RESERVED_FIRST_SEGMENTS if first_is_fixed else RESERVED_SEGMENTS
        assert names[0] in reserved, route.name


@given(st.text() | st.text(alphabet="ab/.%2EeF"))
def test_what_is_created_can_be_looked_up(address: str) -> None:
    try:
        url = hosted(address, BASE)
    except InvalidArgument:
        return
    assert canonical_wallet_address(url) == url
