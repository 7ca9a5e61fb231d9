"""Whose keys a guard looks at: the client's own, this node's, or what its wallet publishes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from ilpkit.gnap.client import Client, JwkClient, WalletAddressClient
from ilpkit.httpsig.errors import SignatureRefused
from ilpkit.httpsig.keys import private_key_from_seed, public_jwk
from servicekit.client_keys import ClientKeys
from servicekit.documents import FetchFailed
from servicekit.key_sets import KEY_SET_LIFE_S, KeySets, KeyUnavailable

from tests.support.clock import ManualClock

OURS, THEIRS = "https://our.test/alice", "https://their.test/bob"
OLD, NEW = (private_key_from_seed(bytes([seed]) * 32) for seed in (1, 2))


@dataclass
class World:
    """Wallets that publish keys, and those that this node has itself."""

    published: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)

    async def get(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.published:
            raise FetchFailed(f"{url}: nothing is there")
        return json.dumps(self.published[url]).encode()

    async def key_set(self, url: str) -> Mapping[str, Any] | None:
        self.looked.append(url)
        found: Mapping[str, Any] | None = self.own.get(url)
        return found


def set_of(key: Any) -> dict[str, Any]:
    return {"keys": [public_jwk(key, kid="k")]}


def keys(world: World, clock: ManualClock, client: Client, *, with_own: bool = True) -> Any:
    sets = KeySets(clock=clock, fetcher=world)
    return ClientKeys(sets=sets, own=world if with_own else None).of(client)


async def test_a_bare_key_is_its_client() -> None:
    world, client = World(), JwkClient(public_jwk(OLD, kid="k"))
    found = await keys(world, ManualClock(), client).find("k")
    assert found.key.public_bytes_raw() == OLD.public_key().public_bytes_raw()
    assert (world.fetched, world.looked) == ([], [])


async def test_keys_of_our_own_wallet_addresses_are_as_they_are_at_each_look() -> None:
    world = World(own={OURS: set_of(OLD)})
    ours = keys(world, ManualClock(), WalletAddressClient(OURS))
    assert (await ours.find("k")).key.public_bytes_raw() == OLD.public_key().public_bytes_raw()
    world.own[OURS] = set_of(NEW)
    assert (await ours.find("k")).key.public_bytes_raw() == NEW.public_key().public_bytes_raw()
    world.own[OURS] = {"keys": []}
    with pytest.raises(SignatureRefused):
        await ours.find("k")
    assert world.fetched == []


async def test_a_fetched_set_is_the_sign_that_an_address_is_not_ours() -> None:
    world, clock = World(published={f"{THEIRS}/jwks.json": set_of(OLD)}), ManualClock()
    theirs = keys(world, clock, WalletAddressClient(THEIRS))
    for _ in range(3):
        await theirs.find("k")
    assert (len(world.looked), len(world.fetched)) == (1, 1)
    await clock.advance(KEY_SET_LIFE_S)
    await theirs.find("k")
    assert (len(world.looked), len(world.fetched)) == (2, 2)


async def test_a_newer_key_is_looked_for_where_keys_are_published_only() -> None:
    world = World(own={OURS: set_of(OLD)}, published={f"{THEIRS}/jwks.json": set_of(OLD)})
    clock = ManualClock()
    theirs = keys(world, clock, WalletAddressClient(THEIRS))
    old = await theirs.find("k")
    assert await theirs.find_newer("k", than=old) is None
    world.published[f"{THEIRS}/jwks.json"] = set_of(NEW)
    newer = await theirs.find_newer("k", than=old)
    assert newer is not None
    assert newer.key.public_bytes_raw() == NEW.public_key().public_bytes_raw()
    for client in (WalletAddressClient(OURS), JwkClient(public_jwk(OLD, kid="k"))):
        assert await keys(world, clock, client).find_newer("k", than=old) is None


async def test_without_wallet_addresses_of_ones_own_all_are_fetched() -> None:
    world = World(own={OURS: set_of(OLD)})
    with pytest.raises(KeyUnavailable):
        await keys(world, ManualClock(), WalletAddressClient(OURS), with_own=False).find("k")
    assert world.fetched == [f"{OURS}/jwks.json"]
