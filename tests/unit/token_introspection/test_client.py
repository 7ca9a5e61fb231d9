"""The introspection client against a fake authorization server over real gRPC."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from ilpkit.openpayments.access import AskedAccess, Limits
from servicekit.grpc_client import build_channel
from token_introspection import (
    INACTIVE,
    ActiveToken,
    IntrospectionClient,
    IntrospectionFailed,
    JwkClient,
    WalletAddressClient,
)

from tests.support.waiting import until
from tests.unit.token_introspection.conftest import ACTIVE, QUOTE, Served


async def test_an_active_token_is_typed(served: Served) -> None:
    handler, channel = served
    found = await IntrospectionClient(channel=channel).introspect("T")
    assert isinstance(found, ActiveToken)
    assert (found.grant_id, found.client) == ("g", WalletAddressClient("http://c.test"))
    assert [item.type for item in found.access] == ["quote"]
    jwk = {"kid": "k", "x": "y"}
    handler.reply = {**ACTIVE, "client": {"jwk": jwk}}
    found = await IntrospectionClient(channel=channel).introspect("T")
    assert isinstance(found, ActiveToken)
    assert found.client == JwkClient(jwk)


async def test_the_question_says_what_is_wanted(served: Served) -> None:
    handler, channel = served
    limits = Limits.model_validate_json(
        '{"debitAmount":{"value":"5","assetCode":"JPY","assetScale":0}}'
    )
    asked = AskedAccess(
        type="outgoing-payment",
        actions=frozenset({"read", "create"}),
        identifier="http://w.test",
        limits=limits,
    )
    await IntrospectionClient(channel=channel).introspect("T", [asked])
    (request,) = handler.requests
    assert request.access_token == "T"
    (item,) = request.access
    assert (item.type, list(item.actions)) == ("outgoing-payment", ["create", "read"])
    assert (item.identifier, item.limits.debit_amount.value) == ("http://w.test", 5)
    assert not item.limits.HasField("receiver")


async def test_an_inactive_token(served: Served) -> None:
    handler, channel = served
    handler.reply = {"active": False}
    assert await IntrospectionClient(channel=channel).introspect("T") == INACTIVE


async def test_equal_questions_at_once_are_asked_once(served: Served) -> None:
    handler, channel = served
    handler.gate.clear()
    client = IntrospectionClient(channel=channel)
    same = [asyncio.create_task(client.introspect("T")) for _ in range(5)]
    other = asyncio.create_task(client.introspect("U"))
    await until(lambda: len(handler.requests) == 2)
    same[0].cancel()
    handler.gate.set()
    answers = [await task for task in same[1:]]
    assert all(isinstance(answer, ActiveToken) for answer in answers)
    await other
    assert sorted(request.access_token for request in handler.requests) == ["T", "U"]
    await client.introspect("T")
    assert len(handler.requests) == 3


@pytest.mark.parametrize(
    ("code", "retriable"),
    [(grpc.StatusCode.UNAVAILABLE, True), (grpc.StatusCode.INTERNAL, False)],
)
async def test_a_failure_is_not_an_answer(
    served: Served, code: grpc.StatusCode, retriable: bool
) -> None:
    handler, channel = served
    handler.failure = code
    with pytest.raises(IntrospectionFailed) as failed:
        await IntrospectionClient(channel=channel, attempts_max=1).introspect("T")
    assert failed.value.retriable is retriable


@pytest.mark.parametrize(("failures", "attempts"), [(0, 1), (1, 2), (2, 3), (3, 3)])
async def test_a_server_that_is_away_for_a_moment_is_asked_again(
    served: Served, failures: int, attempts: int
) -> None:
    handler, channel = served
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == failures:
            handler.failure = None

    handler.failure = grpc.StatusCode.UNAVAILABLE if failures else None
    client = IntrospectionClient(channel=channel, sleep=sleep)
    if failures < attempts:
        assert isinstance(await client.introspect("T"), ActiveToken)
    else:
        with pytest.raises(IntrospectionFailed):
            await client.introspect("T")
    assert len(handler.requests) == attempts
    assert waits == [0.05, 0.1][: attempts - 1]


async def test_channels_with_typed_errors_fail_alike() -> None:
    channel = build_channel("127.0.0.1:1")
    with pytest.raises(IntrospectionFailed) as failed:
        await IntrospectionClient(channel=channel, attempts_max=1).introspect("T")
    assert failed.value.retriable
    await channel.close()


@pytest.mark.parametrize(
    "reply",
    [
        {"active": True, "access": [QUOTE], "client": {"walletAddress": "http://c.test"}},
        {"active": True, "grant": "g", "access": [QUOTE]},
        {**ACTIVE, "access": [{"type": "other", "actions": ["read"]}]},
    ],
)
async def test_an_answer_against_the_contract_is_refused(
    served: Served, reply: dict[str, Any]
) -> None:
    handler, channel = served
    handler.reply = reply
    with pytest.raises(IntrospectionFailed) as failed:
        await IntrospectionClient(channel=channel).introspect("T")
    assert not failed.value.retriable
