import pytest

from services.backend.ledger.tigerbeetle.addresses import (
    ReplicaAddress,
    parse_addresses,
    resolve_addresses,
)
from services.backend.ledger.tigerbeetle.errors import TigerBeetleAddressError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("3000", "127.0.0.1", 3000),
        ("10.0.0.1:3000", "10.0.0.1", 3000),
        ("10.0.0.1", "10.0.0.1", 3001),
        ("replica-0.ledger:3000", "replica-0.ledger", 3000),
        ("replica-0.ledger", "replica-0.ledger", 3001),
        ("[::1]:3000", "::1", 3000),
        ("[::1]", "::1", 3001),
    ],
)
def test_an_address_is_a_host_a_port_or_both(text: str, host: str, port: int) -> None:
    assert parse_addresses(text) == (ReplicaAddress(host, port),)


def test_the_order_of_the_replicas_is_kept() -> None:
    assert [str(each) for each in parse_addresses("b:2, a:1,[::1]:3")] == ["b:2", "a:1", "[::1]:3"]


@pytest.mark.parametrize(
    "text", ["", "a:1,", ":1", "a:", "a:0", "a:65536", "a:x", "::1:3000", "[::1", "[::1]x", "0"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(TigerBeetleAddressError):
        parse_addresses(text)


def test_more_replicas_than_a_cluster_has_are_refused() -> None:
    with pytest.raises(TigerBeetleAddressError, match="at most 6"):
        parse_addresses("1,2,3,4,5,6,7")


async def test_names_become_ip_addresses_and_ip_addresses_stay() -> None:
    resolved = await resolve_addresses(parse_addresses("localhost:3000,[::1]:3001,10.0.0.1:1"))
    assert [str(each) for each in resolved] == ["127.0.0.1:3000", "[::1]:3001", "10.0.0.1:1"]


async def test_a_name_without_an_address_is_a_typed_error() -> None:
    with pytest.raises(TigerBeetleAddressError, match=r"no-such-host\.invalid"):
        await resolve_addresses(parse_addresses("no-such-host.invalid:3000"))
