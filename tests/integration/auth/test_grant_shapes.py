"""Grant requests of any shape, through the edge: granted, or refused by name, and never a bug."""

import asyncio
import copy
from collections import Counter
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.auth.conftest import FINISH, INCOMING, OUTGOING, TENANT, World

EXAMPLES: Final = 100
SERVER_ERRORS: Final = 500
JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["incoming-payment", "create", "read-all", "redirect", "R/P1D", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
GRANTS: Final = [
    {"access_token": {"access": [INCOMING]}},
    {
        "access_token": {"access": [OUTGOING, INCOMING]},
        "interact": {"start": ["redirect"], "finish": FINISH},
    },
    {
        "subject": {"sub_ids": [{"id": "http://wallet.test/alice", "format": "uri"}]},
        "interact": {"start": ["redirect"]},
    },
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each container of a JSON value with each key of it."""
    items = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [
        *((value, key) for key, _ in items),
        *(place for _, each in items for place in places(each)),
    ]


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A good request with up to three members replaced, or one of members that are anything."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.dictionaries(st.sampled_from(["access_token", "subject", "interact"]), JSON))
    body: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(GRANTS)))
    for _ in range(draw(st.integers(0, 3))):
        found = places(body)
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        container[key] = draw(JSON)
    return body


async def test_no_shape_of_a_grant_request_meets_a_bug(world: World) -> None:
    loop, statuses = asyncio.get_running_loop(), list[int]()

    async def ask(body: dict[str, Any]) -> None:
        asked = {**body, "client": world.client.url}
        reply = await world.edge.call("POST", f"/{TENANT}", world.client, body=asked)
        statuses.append(reply.status)
        assert reply.status < SERVER_ERRORS, (asked, reply)
        if reply.status != 200:
            assert reply.code, (asked, reply)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(body=requests())
    def property_(body: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(ask(body), loop).result()

    await asyncio.to_thread(property_)
    print(f"\nanswers: {dict(Counter(statuses))}")  # noqa: T201 - for docs/EVIDENCE.md
    assert {200, 400} <= set(statuses)
