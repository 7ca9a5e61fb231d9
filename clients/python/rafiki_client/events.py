"""The feed of events, so that none is missed: go on from the cursor that was kept."""

from collections.abc import AsyncIterator
from typing import Any, Final

from rafiki.admin.v1 import event_service_pb2

BATCH: Final = 1000
WAIT_MS: Final = 20_000
# The server may wait as long as it was told to, and the answer takes its time.
_CALL_S: Final = WAIT_MS / 1000 + 10


async def follow(
    events: Any, *, cursor: str | None = None, tenant_id: str | None = None
) -> AsyncIterator[event_service_pb2.PullEventsResponse]:
    """Batches of events after a cursor, oldest first and without end; none is empty.

    Keep a batch's `next_cursor` once its events are handled, and go on with it after a restart:
    then each event comes at least once.

    Args:
        events: `node.events`.
        cursor: where to go on; the oldest event comes first when absent. See `newest`.
        tenant_id: whose; the operator's and all tenants' when absent.
    """
    while True:
        request = event_service_pb2.PullEventsRequest(
            cursor=cursor, tenant_id=tenant_id, limit=BATCH, wait_ms=WAIT_MS
        )
        answer: event_service_pb2.PullEventsResponse
        answer = await events.PullEvents(request, timeout=_CALL_S)
        if answer.events:
            yield answer
        cursor = answer.next_cursor


async def newest(events: Any, *, tenant_id: str | None = None) -> str:
    """The cursor behind the newest event: following from it shows only what is still to come."""
    request = event_service_pb2.PullEventsRequest(tenant_id=tenant_id, latest=True)
    return str((await events.PullEvents(request)).next_cursor)
