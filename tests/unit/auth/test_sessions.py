"""Cookies of interactions."""

from uuid import UUID

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from servicekit.errors import Unavailable

from services.auth.gnap.urls import PublicUrls
from services.auth.interactions.sessions import InteractionSessions, SameSite
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds

ID, OTHER_ID = UUID(int=1), UUID(int=2)


class Store:
    """Redis, as far as sessions use it."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.lives: list[int] = []
        self.away = False

    async def set(self, name: str, value: str, *, ex: int) -> object:
        if self.away:
            raise RedisConnectionError
        self.values[name] = value.encode()
        self.lives.append(ex)
        return True

    async def get(self, name: str) -> bytes | None:
        if self.away:
            raise RedisConnectionError
        return self.values.get(name)


def sessions(
    store: Store,
    *,
    key: bytes = b"key",
    base_url: str = "http://auth.test",
    same_site: SameSite | None = None,
) -> InteractionSessions:
    return InteractionSessions(
        store=store,
        ids=SeededIds(ManualClock()),
        cookie_key=key,
        urls=PublicUrls(base_url=base_url),
        same_site=same_site,
    )


async def test_the_browser_that_began_is_recognised() -> None:
    kept = sessions(Store())
    cookie = (await kept.begin(ID, "NONCE", life_s=60)).partition(";")[0]
    assert await kept.began(ID, "NONCE", f"theme=dark; {cookie}")
    assert not await kept.began(OTHER_ID, "NONCE", cookie)
    assert not await kept.began(ID, "OTHER", cookie)
    assert not await kept.began(ID, "NONCE", None)


async def test_a_cookie_of_another_key_is_not_ours() -> None:
    store = Store()
    cookie = (await sessions(store).begin(ID, "NONCE", life_s=60)).partition(";")[0]
    assert not await sessions(store, key=b"other").began(ID, "NONCE", cookie)
    assert not await sessions(store).began(ID, "NONCE", cookie[:-2])
    assert not await sessions(store).began(ID, "NONCE", cookie.replace("sessionId=", "sessionId=0"))


@pytest.mark.parametrize(
    ("base_url", "same_site", "expected"),
    [
        ("http://auth.test", None, []),
        ("https://auth.test", None, ["Secure"]),
        ("https://auth.test", "lax", ["Secure", "SameSite=Lax"]),
        ("http://auth.test", "none", ["Secure", "SameSite=None"]),
    ],
)
async def test_attributes(base_url: str, same_site: SameSite | None, expected: list[str]) -> None:
    cookie = await sessions(Store(), base_url=base_url, same_site=same_site).begin(
        ID, "NONCE", life_s=60
    )
    attributes = cookie.split("; ")[1:]
    assert attributes == [f"Path=/interact/{ID}", "Max-Age=60", "HttpOnly", *expected]


async def test_a_session_lives_as_long_as_its_interaction() -> None:
    store = Store()
    await sessions(store).begin(ID, "NONCE", life_s=37)
    assert store.lives == [37]


async def test_a_store_that_is_away_is_no_refusal() -> None:
    store = Store()
    kept = sessions(store)
    cookie = (await kept.begin(ID, "NONCE", life_s=60)).partition(";")[0]
    store.away = True
    with pytest.raises(Unavailable):
        await kept.began(ID, "NONCE", cookie)
    with pytest.raises(Unavailable):
        await kept.begin(ID, "NONCE", life_s=60)
