"""Events: the feed and its cursor, deliveries, replays."""

import asyncio
from typing import Any

import pytest
from rafiki.admin.v1 import event_service_pb2 as pb
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.common.v1.paging_pb2 import PageRequest
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument, NotFound
from sqlalchemy import insert, text

from services.backend.events.feed import PLACED_MAX
from services.backend.events.tables import webhook_events
from tests.integration.backend.admin.conftest import OPERATOR, World, eventually, key, usd

UNKNOWN = "018f4a0c-0000-7000-8000-000000000000"


@pytest.fixture
async def wallet(world: World) -> Any:
    return await world.wallet((await world.asset()).id)


async def _payment(world: World, wallet: Any) -> Any:
    return await world.payments.CreateIncomingPayment(
        payments.CreateIncomingPaymentRequest(
            wallet_address_id=wallet.id, incoming_amount=usd(1), idempotency_key=key()
        )
    )


async def _pull(world: World, cursor: str | None = None, **fields: Any) -> Any:
    return await world.events.PullEvents(pb.PullEventsRequest(cursor=cursor, **fields))


async def _get(world: World, event_id: str) -> Any:
    return await world.events.GetWebhookEvent(pb.GetWebhookEventRequest(id=event_id))


async def _replay(world: World, event_id: str, idempotency_key: str | None = None) -> Any:
    request = pb.ReplayWebhookEventRequest(id=event_id, idempotency_key=idempotency_key or key())
    return await world.events.ReplayWebhookEvent(request)


def _subjects(reply: Any) -> list[str]:
    return [event.data["id"] for event in reply.events]


async def test_the_feed_is_read_in_pages_by_cursor(world: World, wallet: Any) -> None:
    made = [(await _payment(world, wallet)).id for _ in range(5)]
    first = await _pull(world, limit=2)
    assert _subjects(first) == made[:2]
    assert first.events[0].type == "incoming_payment.created"
    assert first.events[0].tenant_id == str(OPERATOR)
    rest = await _pull(world, first.next_cursor)
    assert _subjects(rest) == made[2:]
    nothing = await _pull(world, rest.next_cursor)
    assert not nothing.events
    assert nothing.next_cursor == rest.next_cursor
    assert _subjects(await _pull(world)) == made
    assert not (await _pull(world, tenant_id=await world.tenant())).events


async def test_the_feed_says_where_it_ends_and_where_each_event_stands(
    world: World, wallet: Any
) -> None:
    made = [(await _payment(world, wallet)).id for _ in range(3)]
    end = (await _pull(world, latest=True)).next_cursor
    assert _subjects(await _pull(world, end)) == []
    cursors = (await _pull(world)).cursors
    assert [_subjects(await _pull(world, cursor)) for cursor in cursors] == [
        made[1:],
        made[2:],
        [],
    ]
    await _payment(world, wallet)
    assert len(_subjects(await _pull(world, end))) == 1


async def test_an_event_that_commits_late_does_not_slip_behind_the_cursor(
    world: World, wallet: Any
) -> None:
    async def write(session: WriteSession, name: str) -> None:
        await session.execute(
            insert(webhook_events).values(
                id=key(),
                tenant_id=OPERATOR,
                type="test.event",
                data={"id": name},
                resource_id=key(),
                created_at=wallet.created_at.ToDatetime().astimezone(),
            )
        )

    async with world.database.write() as slow:
        await write(slow, "written first")
        async with world.database.write() as fast:
            await write(fast, "committed first")
        before = await _pull(world)
        assert _subjects(before) == ["committed first"]
    after = await _pull(world, before.next_cursor)
    assert _subjects(after) == ["written first"]


async def test_a_feed_that_was_never_read_catches_up_in_order(world: World) -> None:
    count = PLACED_MAX * 2 + 500
    async with world.database.write() as session:
        await session.execute(
            text(
                "INSERT INTO webhook_events (id, tenant_id, type, data, resource_id, created_at)"
                " SELECT gen_random_uuid(), :tenant, 'test.event',"
                " jsonb_build_object('id', n::text), gen_random_uuid(), now()"
                " FROM generate_series(1, CAST(:count AS int)) AS n"
            ),
            {"tenant": OPERATOR, "count": count},
        )
    seen: list[str] = []
    cursor = None
    while True:
        reply = await _pull(world, cursor, limit=1000)
        if not reply.events:
            break
        seen += _subjects(reply)
        cursor = reply.next_cursor
    assert seen == [str(number) for number in range(1, count + 1)]


async def test_readers_that_race_see_every_event_once_and_in_one_order(
    world: World, wallet: Any
) -> None:
    async def read_all(wanted: int) -> list[str]:
        seen: list[str] = []
        cursor = None
        while len(seen) < wanted:
            reply = await _pull(world, cursor, limit=3, wait_ms=1000)
            seen += _subjects(reply)
            cursor = reply.next_cursor
        return seen

    async def write_all() -> list[str]:
        made = await asyncio.gather(*(_payment(world, wallet) for _ in range(20)))
        return [payment.id for payment in made]

    made, *read = await asyncio.gather(write_all(), *(read_all(20) for _ in range(4)))
    assert sorted(read[0]) == sorted(made)
    assert all(order == read[0] for order in read)


async def test_a_reader_waits_for_the_next_event(world: World, wallet: Any) -> None:
    waiting = asyncio.create_task(_pull(world, wait_ms=30_000))
    assert not (await _pull(world)).events
    assert not waiting.done()
    made = await _payment(world, wallet)
    assert _subjects(await waiting) == [made.id]


@pytest.mark.parametrize("fields", [{"limit": 1001}, {"wait_ms": 30_001}, {"cursor": "-1"}])
async def test_a_pull_beyond_its_bounds_is_refused(world: World, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        await _pull(world, **fields)


async def test_events_are_listed_newest_first_by_type(world: World, wallet: Any) -> None:
    first, second = await _payment(world, wallet), await _payment(world, wallet)

    async def listed(**fields: Any) -> list[str]:
        request = pb.ListWebhookEventsRequest(**fields)
        return _subjects(await world.events.ListWebhookEvents(request))

    assert await listed() == [second.id, first.id]
    assert await listed(types=["incoming_payment.created"]) == [second.id, first.id]
    assert await listed(types=["outgoing_payment.created"]) == []
    assert await listed(page=PageRequest(first=1)) == [second.id]
    assert await listed(tenant_id=await world.tenant()) == []


async def test_an_event_shows_how_its_delivery_went(world: World, wallet: Any) -> None:
    made = await _payment(world, wallet)
    event = (await _pull(world)).events[0]
    delivered = await eventually(
        lambda: _get(world, event.id),
        lambda found: found.deliveries[0].state == pb.DELIVERY_STATE_DELIVERED,
    )
    assert delivered.data == event.data
    delivery = delivered.deliveries[0]
    assert delivery.url == f"{world.outside.origin}/webhooks"
    assert (delivery.attempts, delivery.status_code) == (1, 200)
    assert not delivery.HasField("next_attempt_at")
    assert world.outside.types(made.id) == ["incoming_payment.created"]
    with pytest.raises(NotFound) as unknown:
        await _get(world, UNKNOWN)
    assert unknown.value.reason == "UNKNOWN_EVENT"


async def test_a_parked_event_is_delivered_after_its_replay(world: World, wallet: Any) -> None:
    world.outside.webhook_status = 503
    made = await _payment(world, wallet)
    event = (await _pull(world)).events[0]
    parked = await eventually(
        lambda: _get(world, event.id),
        lambda found: found.deliveries[0].state == pb.DELIVERY_STATE_PARKED,
    )
    assert parked.deliveries[0].status_code == 503
    assert "503" in parked.deliveries[0].last_error
    world.outside.webhook_status = 200
    again = key()
    replayed = await _replay(world, event.id, again)
    assert replayed.deliveries[0].id == parked.deliveries[0].id
    assert replayed.deliveries[0].state == pb.DELIVERY_STATE_PENDING
    delivered = await eventually(
        lambda: _get(world, event.id),
        lambda found: found.deliveries[0].state == pb.DELIVERY_STATE_DELIVERED,
    )
    assert len(delivered.deliveries) == 1
    assert world.outside.types(made.id) == ["incoming_payment.created"]
    # A repeat of the replay is no second replay.
    assert await _replay(world, event.id, again) == replayed
    assert await _get(world, event.id) == delivered


async def test_a_delivered_event_is_delivered_once_more(world: World, wallet: Any) -> None:
    made = await _payment(world, wallet)
    event = (await _pull(world)).events[0]
    await eventually(
        lambda: _get(world, event.id),
        lambda found: found.deliveries[0].state == pb.DELIVERY_STATE_DELIVERED,
    )
    assert len((await _replay(world, event.id)).deliveries) == 2
    await eventually(
        lambda: _get(world, event.id),
        lambda found: found.deliveries[1].state == pb.DELIVERY_STATE_DELIVERED,
    )
    assert world.outside.types(made.id) == ["incoming_payment.created"] * 2
    assert world.outside.webhooks[0] == world.outside.webhooks[1]
    with pytest.raises(NotFound):
        await _replay(world, UNKNOWN)
