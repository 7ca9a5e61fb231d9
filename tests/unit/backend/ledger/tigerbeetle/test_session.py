"""The native library in echo mode: it answers each request with the request's own bytes."""

import asyncio

import pytest
from tigerbeetle import bindings

from services.backend.ledger.model import Transfer
from services.backend.ledger.tigerbeetle import session as tigerbeetle_session
from services.backend.ledger.tigerbeetle.codec import pack_chains, pack_ids
from services.backend.ledger.tigerbeetle.session import (
    NativeSession,
    Operation,
    SessionError,
    SessionFailure,
)


def echo() -> NativeSession:
    return NativeSession(
        cluster_id=0, addresses="127.0.0.1:1", initialize=bindings.tb_client_init_echo
    )


def batch(first_id: int, count: int) -> bytearray:
    chains = [[Transfer(first_id + at, 1, 2, 3, 1, 1)] for at in range(count)]
    return pack_chains(chains, count)


async def test_the_library_gets_exactly_the_bytes_that_were_packed() -> None:
    session = echo()
    body = batch(1, 200)
    # One result is an eighth of a transfer, so the library reads no structure into the echo.
    assert await session.submit(Operation.CREATE_TRANSFERS, body) == bytes(body)
    await session.close()


async def test_each_caller_gets_its_own_reply() -> None:
    session = echo()
    bodies = [pack_ids([at]) for at in range(1, 300)]
    replies = await asyncio.gather(
        *(session.submit(Operation.LOOKUP_ACCOUNTS, body) for body in bodies)
    )
    assert replies == [bytes(body) for body in bodies]
    await session.close()


async def test_a_cancelled_caller_leaves_the_session_usable_and_closable() -> None:
    session = echo()
    forgotten = session.submit(Operation.LOOKUP_ACCOUNTS, pack_ids([1]))
    forgotten.cancel()
    assert await session.submit(Operation.LOOKUP_ACCOUNTS, pack_ids([2])) == bytes(pack_ids([2]))
    await session.close()
    assert session not in tigerbeetle_session._LIVE


async def test_closing_fails_the_calls_that_have_no_answer() -> None:
    session = NativeSession(cluster_id=0, addresses="127.0.0.1:1")  # nobody is there
    waiting = session.submit(Operation.LOOKUP_ACCOUNTS, pack_ids([1]))
    forgotten = session.submit(Operation.LOOKUP_ACCOUNTS, pack_ids([1]))
    forgotten.cancel()
    await session.close()
    with pytest.raises(SessionError) as caught:
        await waiting
    assert caught.value.failure is SessionFailure.CLOSED
    assert session not in tigerbeetle_session._LIVE


async def test_a_call_after_closing_fails_at_once_and_closing_twice_is_fine() -> None:
    session = echo()
    await asyncio.gather(session.close(), session.close())
    with pytest.raises(SessionError) as caught:
        await session.submit(Operation.LOOKUP_ACCOUNTS, pack_ids([1]))
    assert caught.value.failure is SessionFailure.CLOSED


async def test_more_than_the_library_takes_in_a_request_is_told_and_not_fatal() -> None:
    session = echo()
    with pytest.raises(SessionError) as caught:
        await session.submit(Operation.CREATE_TRANSFERS, batch(1, 8_190))
    assert caught.value.failure is SessionFailure.TOO_MUCH_DATA
    body = batch(1, 8_189)
    assert await session.submit(Operation.CREATE_TRANSFERS, body) == bytes(body)
    await session.close()


async def test_a_request_that_is_no_whole_number_of_records_is_refused() -> None:
    session = echo()
    with pytest.raises(SessionError) as caught:
        await session.submit(Operation.CREATE_TRANSFERS, bytearray(127))
    assert caught.value.failure is SessionFailure.REFUSED
    await session.close()


def test_an_address_that_the_library_does_not_take_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="ADDRESS_INVALID"):
        NativeSession(cluster_id=0, addresses="not-an-ip:1")
