import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import LocalProtocolError
from ilpkit.ilp.address import has_prefix
from ilpkit.ilp.prefix_map import PrefixMap

PREFIXES = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4).map(
    lambda segments: ".".join(["g", *segments])
)


def routes(*prefixes: str) -> PrefixMap[str]:
    table: PrefixMap[str] = PrefixMap()
    for prefix in prefixes:
        table.insert(prefix, f"to {prefix}")
    return table


@pytest.mark.parametrize(
    ("address", "route"),
    [
        ("g.a.b.c", "g.a.b"),
        ("g.a.b", "g.a.b"),
        ("g.a.bc", "g.a"),
        ("g.a", "g.a"),
        ("g.ab", "g"),
        ("test.x", ""),
        ("g.a.b" + ".x" * 400, "g.a.b"),
    ],
)
def test_the_longest_prefix_at_a_segment_border_wins(address: str, route: str) -> None:
    table = routes("", "g", "g.a", "g.a.b")
    assert table.resolve(address) == f"to {route}"
    assert table.resolve_route(address) == (route, f"to {route}")


def test_without_a_default_an_address_may_have_no_route() -> None:
    assert routes("g.a").resolve("g.b") is None
    assert routes().resolve_route("g.b") is None
    assert routes("").resolve("g.b") == "to "


def test_prefixes_can_be_replaced_removed_and_listed() -> None:
    table = routes("g.a", "g.a.b.c", "g")
    table.insert("g.a", "elsewhere")
    assert (len(table), sorted(table)) == (3, ["g", "g.a", "g.a.b.c"])
    assert table.get("g.a") == "elsewhere"
    assert table.remove("g.a.b.c") == "to g.a.b.c"
    assert table.resolve("g.a.b.c") == "elsewhere"
    assert table.remove("g") == "to g"
    assert table.remove("g.a") == "elsewhere"
    assert table.remove("g.a") is None
    assert (len(table), table.resolve("g.a")) == (0, None)


@pytest.mark.parametrize("prefix", ["g.", "foo", "g..a"])
def test_what_is_no_prefix_is_our_error(prefix: str) -> None:
    with pytest.raises(LocalProtocolError):
        routes(prefix)


@pytest.mark.property
@given(st.sets(PREFIXES | st.just("")), PREFIXES, st.sets(PREFIXES))
def test_lookups_agree_with_a_scan_of_the_table(
    prefixes: set[str], address: str, removed: set[str]
) -> None:
    table = routes(*prefixes)
    for prefix in removed:
        table.remove(prefix)
    covering = [prefix for prefix in prefixes - removed if has_prefix(address, prefix)]
    expected = f"to {max(covering, key=len)}" if covering else None
    assert table.resolve(address) == expected
