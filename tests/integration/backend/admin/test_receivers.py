"""Receivers of this node and of another bank, through the Admin contract."""

from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.struct_pb2 import Struct
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from servicekit.errors import (
    Conflict,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServiceError,
    Unavailable,
)

from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, OPERATOR, World, key, usd


async def _create(world: World, url: str, **fields: Any) -> Any:
    request = pb.CreateReceiverRequest(
        wallet_address_url=url, **({"idempotency_key": key()} | fields)
    )
    return await world.payments.CreateReceiver(request)


async def _get(world: World, url: str) -> Any:
    return await world.payments.GetReceiver(pb.GetReceiverRequest(url=url))


async def _complete(world: World, url: str, idempotency_key: str | None = None) -> Any:
    request = pb.CompleteReceiverRequest(url=url, idempotency_key=idempotency_key or key())
    return await world.payments.CompleteReceiver(request)


async def test_a_local_receiver_is_an_incoming_payment(world: World) -> None:
    wallet = await world.wallet((await world.asset()).id)
    metadata = Struct()
    metadata.update({"order": "17"})
    again = key()
    fields = {"incoming_amount": usd(12), "metadata": metadata, "idempotency_key": again}
    created = await _create(world, wallet.address, **fields)
    assert await _create(world, wallet.address, **fields) == created
    assert created.wallet_address_url == wallet.address
    assert created == await _get(world, created.id)
    payments = (
        await world.payments.ListIncomingPayments(pb.ListIncomingPaymentsRequest())
    ).payments
    assert [payment.url for payment in payments] == [created.id]
    assert payments[0].metadata == metadata
    assert world.outside.grants == 0


async def test_a_local_receiver_is_completed_for_good(world: World) -> None:
    wallet = await world.wallet((await world.asset()).id)
    created = await _create(world, wallet.address)
    assert not created.completed
    completed = await _complete(world, created.id)
    assert completed.completed
    assert await _complete(world, created.id) == completed


async def test_a_receiver_that_is_not_there_is_not_found(world: World) -> None:
    missing = f"{OPEN_PAYMENTS_URL}/{OPERATOR}/incoming-payments/{uuid4()}"
    for url in (missing, f"{world.outside.origin}/bank/op/incoming-payments/9"):
        with pytest.raises(NotFound) as unknown:
            await _get(world, url)
        assert unknown.value.reason == "UNKNOWN_PAYMENT"


async def test_an_ended_wallet_address_is_not_taken_for_another_banks(world: World) -> None:
    wallet = await world.wallet((await world.asset()).id)
    await world.wallets.UpdateWalletAddress(
        wallets.UpdateWalletAddressRequest(
            id=wallet.id, status=wallets.WALLET_ADDRESS_STATUS_INACTIVE, idempotency_key=key()
        )
    )
    with pytest.raises(FailedPrecondition) as refused:
        await _create(world, wallet.address)
    assert refused.value.reason == "INACTIVE_WALLET_ADDRESS"


async def test_a_remote_receiver_is_made_at_its_bank_once(world: World) -> None:
    again = key()
    fields = {"incoming_amount": usd(12), "idempotency_key": again}
    created = await _create(world, world.outside.wallet, **fields)
    assert created.id in world.outside.payments
    assert created.incoming_amount == usd(12)
    assert await _create(world, world.outside.wallet, **fields) == created
    assert len(world.outside.payments) == 1
    assert await _get(world, created.id) == created
    with pytest.raises(Conflict):
        await _create(world, world.outside.wallet, idempotency_key=again)


async def test_a_remote_receiver_is_completed_once(world: World) -> None:
    created = await _create(world, world.outside.wallet)
    completed = await _complete(world, created.id)
    assert completed.completed
    assert await _complete(world, created.id) == completed
    assert world.outside.completions == 1


async def test_a_bank_that_does_not_answer_says_nothing_about_its_receiver(world: World) -> None:
    created = await _create(world, world.outside.wallet)
    await world.outside.stop()
    for call in (_get, _complete):
        with pytest.raises(Unavailable) as away:
            await call(world, created.id)
        assert away.value.reason == "REMOTE_UNAVAILABLE"


WALLET, AUTH = "/bank/alice", "/bank/auth"
PAYMENTS, PAYMENT = "/bank/op/incoming-payments", "/bank/op/incoming-payments/0"
PASSING = [408, 425, 429, 500, 502, 503]
FOR_EVER = [301, 302, 307, 400, 401, 403, 405, 409, 415, 422]
GONE = [404, 410]
ODD = {
    "empty": b"",
    "text": b"nothing to see here",
    "list": b"[]",
    "open": b'{"id": ',
    "no utf-8": b'{"id": "\xff"}',
    "NUL": b'{"access_token": {"value": "a\\u0000b"}, "authServer": "http://x/\\u0000"}',
    "deep": b'{"a":' * 50_000,
    "long": b'{"a": "' + b"a" * 300_000 + b'"}',
    "numbers": b'{"access_token": {"value": 1, "expires_in": 1e400}, "authServer": 5}',
}


async def _refused(world: World, call: Any, url: str, path: str, status: int, body: bytes) -> Any:
    """What a caller is told where another bank answers so at a path."""
    world.outside.says[path] = status, body
    try:
        with pytest.raises(ServiceError) as raised:
            await call(world, url)
    finally:
        del world.outside.says[path]
    return raised.value


async def test_what_another_bank_refuses_for_good_is_refused_at_once(world: World) -> None:
    for path in (WALLET, AUTH, PAYMENTS):
        for status in FOR_EVER:
            error = await _refused(world, _create, world.outside.wallet, path, status, b"{}")
            assert (type(error), error.reason) == (InvalidArgument, "INVALID_RECEIVER"), status
        # The grant is asked for anew, since none was given that held.
        for body in ODD.values():
            error = await _refused(world, _create, world.outside.wallet, path, 200, body)
            assert (type(error), error.reason) == (InvalidArgument, "INVALID_RECEIVER"), body[:20]


async def test_what_may_pass_is_to_be_tried_again(world: World) -> None:
    created = await _create(world, world.outside.wallet)
    for status in PASSING:
        for path in (WALLET, PAYMENTS):
            error = await _refused(world, _create, world.outside.wallet, path, status, b"")
            assert (type(error), error.reason) == (Unavailable, "REMOTE_UNAVAILABLE")
        for call in (_get, _complete):
            error = await _refused(world, call, created.id, PAYMENT, status, b"")
            assert (type(error), error.reason) == (Unavailable, "REMOTE_UNAVAILABLE")


async def test_a_wallet_address_that_no_bank_has_is_not_found(world: World) -> None:
    for status in GONE:
        error = await _refused(world, _create, world.outside.wallet, WALLET, status, b"")
        assert (type(error), error.reason) == (NotFound, "UNKNOWN_WALLET_ADDRESS")
    with pytest.raises(NotFound) as unknown:
        await _create(world, f"{world.outside.origin}/bank/nobody")
    assert unknown.value.reason == "UNKNOWN_WALLET_ADDRESS"


async def test_a_receiver_that_its_bank_does_not_have_or_show_is_not_there(world: World) -> None:
    created = await _create(world, world.outside.wallet)
    for status in FOR_EVER + GONE:
        error = await _refused(world, _complete, created.id, PAYMENT, status, b"")
        assert (type(error), error.reason) == (InvalidArgument, "INVALID_RECEIVER")
    for body in ODD.values():
        error = await _refused(world, _get, created.id, PAYMENT, 200, body)
        assert (type(error), error.reason) == (NotFound, "UNKNOWN_PAYMENT")


@pytest.mark.parametrize("url", ["http://[::1", "ftp://bank.example/a", "http://", "http://a b/c"])
async def test_a_url_that_is_none_is_refused(world: World, url: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await _create(world, url)
    assert refused.value.reason == "INVALID_RECEIVER"


async def test_another_banks_wallet_address_is_named_by_its_id(world: World) -> None:
    created = await _create(world, f"{world.outside.wallet}?spelled=otherwise")
    assert created.wallet_address_url == world.outside.wallet


async def test_another_tenants_receiver_is_one_of_another_bank(world: World) -> None:
    wallet = await world.wallet((await world.asset()).id)
    tenant = await world.tenant()
    secret = Struct()
    secret.update({"order": "17"})
    ours = await _create(world, wallet.address, incoming_amount=usd(12), metadata=secret)
    request = pb.GetReceiverRequest(url=ours.id, tenant_id=tenant)
    seen = await world.payments.GetReceiver(request)
    assert not seen.HasField("metadata")
    assert seen.incoming_amount == ours.incoming_amount
    with pytest.raises(InvalidArgument) as refused:
        await world.payments.CompleteReceiver(
            pb.CompleteReceiverRequest(url=ours.id, tenant_id=tenant, idempotency_key=key())
        )
    assert refused.value.reason == "INVALID_RECEIVER"
    assert not (await _get(world, ours.id)).completed
    theirs = await _create(world, wallet.address, tenant_id=tenant)
    made = await world.payments.GetIncomingPayment(
        pb.GetIncomingPaymentRequest(id=theirs.id.rpartition("/")[2])
    )
    assert made.client == f"{OPEN_PAYMENTS_URL}/.well-known/pay"
