"""A receiver that credits packets and loses its replies: both banks' sums agree all the same."""

from typing import Any

import pytest
from ilpkit.errors import UnknownOutcomeError
from rafiki.admin.v1 import payment_service_pb2 as admin

from tests.integration.backend.payments.conftest import NewBanks
from tests.integration.backend.payments.node import amount

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
VALUE = 5_000
EVERY = 3


async def test_what_was_credited_is_paid_however_many_replies_are_lost(
    new_banks: NewBanks,
) -> None:
    banks = await new_banks(far_max_packet_amount=100)
    connector = banks.far.features.packets.connector
    receive, lost = connector.receive, [0, 0]

    async def credit_and_lose(*args: Any, **fields: Any) -> bytes:
        reply = await receive(*args, **fields)
        lost[0] += 1
        if lost[0] > EVERY and lost[0] % EVERY == 0:
            lost[1] += 1
            raise UnknownOutcomeError("the process ends between credit and reply")
        return reply

    connector.receive = credit_and_lose  # type: ignore[method-assign] # replies are lost here
    incoming = await banks.far.incoming(banks.bob, amount(VALUE))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.near.fund(payment)
    ended = await banks.hurried(payment)
    assert ended.state == admin.OUTGOING_PAYMENT_STATE_COMPLETED
    assert lost[1] >= VALUE // 100 // EVERY
    assert (await banks.far.completed(incoming)).received_amount == amount(VALUE)
    assert ended.sent_amount == amount(VALUE)
    assert await banks.moved() == (VALUE, VALUE)
