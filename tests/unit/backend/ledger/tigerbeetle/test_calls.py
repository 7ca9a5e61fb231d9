"""Waiting, giving up, joining and replacing sessions, with a session that answers when told to."""

import asyncio

import pytest

from services.backend.ledger.errors import LedgerClosedError, LedgerUnavailableError
from services.backend.ledger.tigerbeetle.calls import (
    CALLS_MAX,
    OVERDUE_CALLS_MAX,
    SESSIONS_PER_CALL_MAX,
    Calls,
    TooMuchDataError,
)
from services.backend.ledger.tigerbeetle.errors import (
    TigerBeetleClientLimitError,
    TigerBeetleReleaseError,
)
from services.backend.ledger.tigerbeetle.session import Session, SessionError, SessionFailure

SHORT_S = 0.01
LONG_S = 60.0
CREATE, LOOKUP = 147, 140


class ScriptedSession:
    """Holds each call until the test answers it; `failure` makes it fail at once instead."""

    def __init__(self, failure: SessionFailure | None = None) -> None:
        self.failure = failure
        self.calls: list[tuple[int, bytes, asyncio.Future[bytes]]] = []
        self.closed = False

    def submit(self, operation: int, body: bytearray) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.calls.append((operation, bytes(body), future))
        if self.failure is not None:
            future.set_exception(SessionError(self.failure))
        return future

    def answer(self, index: int, reply: bytes) -> None:
        self.calls[index][2].set_result(reply)

    async def close(self) -> None:
        self.closed = True
        for _, _, future in self.calls:
            if not future.done():
                future.set_exception(SessionError(SessionFailure.CLOSED))


def over(*sessions: ScriptedSession, reply_timeout_s: float = LONG_S) -> Calls:
    left = list(sessions)

    async def connect() -> Session:
        return left.pop(0)

    return Calls(connect=connect, reply_timeout_s=reply_timeout_s)


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_reply_reaches_its_caller() -> None:
    session = ScriptedSession()
    calls = over(session)
    waiting = asyncio.create_task(calls.read(LOOKUP, bytearray(b"a")))
    await turn()
    session.answer(0, b"reply")
    assert await waiting == b"reply"
    assert calls.abandoned_count == 0


async def test_a_caller_waits_only_so_long_and_the_call_goes_on() -> None:
    session = ScriptedSession()
    calls = over(session, reply_timeout_s=SHORT_S)
    late: list[bytes] = []
    with pytest.raises(LedgerUnavailableError, match="outcome is unknown"):
        await calls.write(CREATE, bytearray(b"a"), on_late_reply=late.append)
    assert not session.calls[0][2].cancelled()
    assert calls.abandoned_count == 1
    session.answer(0, b"late")
    await turn()
    assert late == [b"late"]
    assert calls.abandoned_count == 0


async def test_a_cancelled_caller_leaves_its_call_alone() -> None:
    session = ScriptedSession()
    calls = over(session)
    late: list[bytes] = []
    waiting = asyncio.create_task(calls.write(CREATE, bytearray(b"a"), on_late_reply=late.append))
    await turn()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert calls.abandoned_count == 1
    session.answer(0, b"late")
    await turn()
    assert late == [b"late"]


async def test_a_retried_write_joins_the_call_that_is_still_under_way() -> None:
    session = ScriptedSession()
    calls = over(session, reply_timeout_s=SHORT_S)
    for _ in range(OVERDUE_CALLS_MAX + 2):
        with pytest.raises(LedgerUnavailableError):
            await calls.write(CREATE, bytearray(b"a"))
    assert len(session.calls) == 1
    joined = asyncio.create_task(calls.write(CREATE, bytearray(b"a")))
    await turn()
    session.answer(0, b"first reply")
    assert await joined == b"first reply"


async def test_a_retried_read_does_not_join_because_it_must_see_later_writes() -> None:
    session = ScriptedSession()
    calls = over(session, reply_timeout_s=SHORT_S)
    for _ in range(2):
        with pytest.raises(LedgerUnavailableError):
            await calls.read(LOOKUP, bytearray(b"a"))
    assert len(session.calls) == 2


async def test_a_joined_call_that_is_lost_has_an_unknown_outcome() -> None:
    session = ScriptedSession()
    calls = over(session, reply_timeout_s=SHORT_S)
    with pytest.raises(LedgerUnavailableError):
        await calls.write(CREATE, bytearray(b"a"))
    joined = asyncio.create_task(calls.write(CREATE, bytearray(b"a")))
    await turn()
    session.calls[0][2].set_exception(SessionError(SessionFailure.EVICTED))
    with pytest.raises(LedgerUnavailableError, match="lost"):
        await joined


async def test_nothing_more_is_sent_while_too_many_calls_wait_for_a_reply() -> None:
    session = ScriptedSession()
    calls = over(session, reply_timeout_s=SHORT_S)
    for at in range(OVERDUE_CALLS_MAX + 1):
        with pytest.raises(LedgerUnavailableError):
            await calls.write(CREATE, bytearray([at]))
    assert len(session.calls) == OVERDUE_CALLS_MAX
    session.answer(0, b"back again")
    await turn()
    waiting = asyncio.create_task(calls.write(CREATE, bytearray(b"x")))
    await turn()
    session.answer(-1, b"reply")
    assert await waiting == b"reply"


async def test_cancelled_callers_of_a_healthy_cluster_do_not_stop_the_others() -> None:
    session = ScriptedSession()
    calls = over(session)
    readers = [
        asyncio.create_task(calls.read(LOOKUP, bytearray([at])))
        for at in range(OVERDUE_CALLS_MAX + 1)
    ]
    await turn()
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    waiting = asyncio.create_task(calls.write(CREATE, bytearray(b"x")))
    await turn()
    session.answer(-1, b"reply")
    assert await waiting == b"reply"


async def test_there_is_a_limit_to_calls_under_way() -> None:
    session = ScriptedSession()
    calls = over(session)
    readers = [
        asyncio.create_task(calls.read(LOOKUP, bytearray(b"a"))) for _ in range(CALLS_MAX + 1)
    ]
    await turn()
    assert len(session.calls) == CALLS_MAX
    with pytest.raises(LedgerUnavailableError, match="nothing was sent"):
        await readers[-1]
    for index in range(CALLS_MAX):
        session.answer(index, b"reply")
    assert await asyncio.gather(*readers[:-1]) == [b"reply"] * CALLS_MAX


async def test_an_evicted_session_is_replaced_and_the_call_sent_again() -> None:
    evicted, fresh = ScriptedSession(SessionFailure.EVICTED), ScriptedSession()
    calls = over(evicted, fresh)
    waiting = asyncio.create_task(calls.write(CREATE, bytearray(b"a")))
    await turn()
    assert evicted.closed
    assert [(operation, body) for operation, body, _ in fresh.calls] == [(CREATE, b"a")]
    fresh.answer(0, b"reply")
    assert await waiting == b"reply"


async def test_sessions_that_are_evicted_again_and_again_name_the_limit() -> None:
    sessions = [ScriptedSession(SessionFailure.EVICTED) for _ in range(SESSIONS_PER_CALL_MAX)]
    with pytest.raises(TigerBeetleClientLimitError, match="64 clients"):
        await over(*sessions).read(LOOKUP, bytearray(b"a"))


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        (SessionFailure.RELEASE_TOO_LOW, "upgrade the `tigerbeetle` package"),
        (SessionFailure.RELEASE_TOO_HIGH, "upgrade the replicas first"),
    ],
)
async def test_a_release_mismatch_is_typed_and_names_the_remedy(
    failure: SessionFailure, remedy: str
) -> None:
    with pytest.raises(TigerBeetleReleaseError, match=remedy):
        await over(ScriptedSession(failure)).read(LOOKUP, bytearray(b"a"))


async def test_too_much_data_is_for_the_engine_to_know() -> None:
    with pytest.raises(TooMuchDataError):
        await over(ScriptedSession(SessionFailure.TOO_MUCH_DATA)).read(LOOKUP, bytearray(b"a"))


async def test_closing_under_a_call_leaves_its_outcome_unknown_and_takes_nothing_more() -> None:
    session = ScriptedSession()
    calls = over(session)
    waiting = asyncio.create_task(calls.write(CREATE, bytearray(b"a")))
    await turn()
    await calls.close()
    with pytest.raises(LedgerUnavailableError, match="closed under a call"):
        await waiting
    with pytest.raises(LedgerClosedError):
        await calls.read(LOOKUP, bytearray(b"a"))


async def test_a_connection_that_fails_is_tried_again_at_the_next_call() -> None:
    session, attempts = ScriptedSession(), 0

    async def connect() -> Session:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise LedgerUnavailableError("down")
        return session

    calls = Calls(connect=connect, reply_timeout_s=LONG_S)
    with pytest.raises(LedgerUnavailableError, match="down"):
        await calls.read(LOOKUP, bytearray(b"a"))
    waiting = asyncio.create_task(calls.read(LOOKUP, bytearray(b"a")))
    await turn()
    session.answer(0, b"reply")
    assert await waiting == b"reply"
