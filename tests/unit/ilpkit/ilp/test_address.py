import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import InvalidAddressError, LocalProtocolError
from ilpkit.ilp.address import (
    SCHEMES,
    decode_address,
    encode_address,
    has_prefix,
    is_routable,
    is_valid_address,
    is_valid_prefix,
    is_valid_segment,
    scheme_of,
)

GRAMMAR = r"(?=^.{1,1023}$)^(g|private|example|peer|self|test[1-3]?|local)([.][a-zA-Z0-9_~-]+)+$"
VALID = [
    *("g.a", "test.a", "test1.a", "test3.A-_~0", "private.x_y-z~0", "peer.config", "self.x"),
    *("local.a.b.c", "example.alice", "g." + "a" * 1021),
]
INVALID = [
    *("", "g", "g.", ".g", "g..a", "g.a.", "foo.bar", "test4.a", "test.a b", "G.a", "test.ä"),
    *("test.a\n", "test.a\x00", "g." + "a" * 1022, "gg.a", " g.a"),
]


@pytest.mark.parametrize("address", VALID)
def test_addresses_pass_both_ways(address: str) -> None:
    assert is_valid_address(address)
    assert decode_address(encode_address(address)) == address


@pytest.mark.parametrize("address", INVALID)
def test_what_is_no_address_is_the_senders_fault(address: str) -> None:
    assert not is_valid_address(address)
    with pytest.raises(InvalidAddressError):
        decode_address(address.encode())
    with pytest.raises(LocalProtocolError):
        encode_address(address)


@pytest.mark.property
@given(
    st.text("gtestlocaprivxmpf123.-_~AZ \n", max_size=40)
    | st.from_regex(r"(g|test2|local|private)([.][a-zA-Z0-9_~-]+)+", fullmatch=True)
    | st.text(max_size=20)
)
def test_the_grammar_is_that_of_rfc_15(address: str) -> None:
    # Python's "$" also matches before a last line break, which is no part of an address.
    expected = re.search(GRAMMAR, address) is not None and not address.endswith("\n")
    assert is_valid_address(address) == expected


@pytest.mark.parametrize("prefix", ["", "g", "test", "test.rafiki", *sorted(SCHEMES)])
def test_a_prefix_may_be_empty_or_a_scheme(prefix: str) -> None:
    assert is_valid_prefix(prefix)


@pytest.mark.parametrize("prefix", [".", "g.", "foo", "test.rafiki."])
def test_a_prefix_ends_at_a_segment_border(prefix: str) -> None:
    assert not is_valid_prefix(prefix)


@pytest.mark.parametrize(
    ("address", "prefix", "covered"),
    [
        ("g.alice", "g.alice", True),
        ("g.alice.bob", "g.alice", True),
        ("g.alicebob", "g.alice", False),
        ("g.alice", "g.alice.bob", False),
        ("g.alice", "g", True),
        ("g.alice", "", True),
        ("g.Alice", "g.alice", False),
    ],
)
def test_a_prefix_covers_at_segment_borders(address: str, prefix: str, *, covered: bool) -> None:
    assert has_prefix(address, prefix) is covered


def test_schemes_and_segments() -> None:
    assert scheme_of("test1.a.b") == "test1"
    assert is_valid_segment("aZ09_~-")
    assert not is_valid_segment("a.b")
    assert not is_valid_segment("")


@pytest.mark.parametrize("prefix", ["", "g", "test", "private.net", "local.a", "g.peer", "test1.b"])
def test_allocations_are_routed_by(prefix: str) -> None:
    assert is_routable(prefix)


@pytest.mark.parametrize("prefix", ["peer", "peer.config", "self", "self.a", "private", "local"])
def test_what_is_no_allocation_is_not_routed_by(prefix: str) -> None:
    assert not is_routable(prefix)
