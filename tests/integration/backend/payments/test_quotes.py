"""Quotes over gRPC: amounts, fees, limits of time and reach, and what a refused payer is told."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from servicekit.errors import FailedPrecondition, InvalidArgument, ServiceError, Unavailable

from tests.integration.backend.payments.conftest import Banks, NewNode
from tests.integration.backend.payments.node import amount
from tests.integration.backend.payments.outside import DOWN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refused(banks: Banks, receiver: Any, **fields: Any) -> ServiceError:
    with pytest.raises(ServiceError) as raised:
        await banks.near.quote(banks.alice, receiver, **fields)
    return raised.value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_payment(banks: Banks) -> Any:
    """One that takes any amount."""
    return await banks.far.incoming(banks.bob)


class TestAmounts:
    """Exactly one amount is needed, here or in the incoming payment."""

    async def test_the_incoming_payments_amount_is_the_default(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        quote = await banks.near.quote(banks.alice, incoming)
        assert (quote.debit_amount, quote.receive_amount) == (amount(506), amount(500))
        assert quote.receiver == incoming.id

    async def test_a_part_of_it_may_be_paid(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        quote = await banks.near.quote(banks.alice, incoming, receive_amount=amount(100))
        assert quote.receive_amount == amount(100)

    async def test_no_amount_at_all(self, banks: Banks, open_payment: Any) -> None:
        assert (await refused(banks, open_payment)).reason == "INVALID_AMOUNT"

    async def test_both_amounts(self, banks: Banks, open_payment: Any) -> None:
        error = await refused(banks, open_payment, debit_amount=amount(5), receive_amount=amount(5))
        assert error.reason == "INVALID_AMOUNT"

    @pytest.mark.parametrize("field", ["debit_amount", "receive_amount"])
    async def test_another_asset(self, banks: Banks, open_payment: Any, field: str) -> None:
        error = await refused(banks, open_payment, **{field: amount(5, "EUR")})
        assert (error.reason, error.metadata["limit"]) == ("INVALID_AMOUNT", "USD/2")

    async def test_more_than_is_outstanding(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        error = await refused(banks, incoming, receive_amount=amount(501))
        assert (error.reason, error.metadata["limit"]) == ("INVALID_AMOUNT", "500")
        error = await refused(banks, incoming, debit_amount=amount(600))
        most = int(error.metadata["limit"])
        quote = await banks.near.quote(banks.alice, incoming, debit_amount=amount(most))
        assert quote.receive_amount == amount(500)

    async def test_the_least_that_can_be_sent_is_told_and_taken(
        self, banks: Banks, open_payment: Any
    ) -> None:
        error = await refused(banks, open_payment, debit_amount=amount(1))
        assert error.reason == "NON_POSITIVE_RECEIVE_AMOUNT"
        least = int(error.metadata["min_send_amount"])
        quote = await banks.near.quote(banks.alice, open_payment, debit_amount=amount(least))
        assert quote.receive_amount.value >= 1

    async def test_a_fee_that_takes_all_names_no_least(self, new_node: NewNode) -> None:
        node = await new_node("greedy")
        usd = await node.asset()
        await node.fee(usd, fixed=0, basis_points=10_000)
        payer, incoming = await node.wallet(usd), await node.incoming(await node.wallet(usd))
        with pytest.raises(InvalidArgument) as raised:
            await node.quote(payer, incoming, debit_amount=amount(100))
        assert raised.value.reason == "NON_POSITIVE_RECEIVE_AMOUNT"
        assert "min_send_amount" not in raised.value.metadata
        assert (await node.quote(payer, incoming, receive_amount=amount(100))).debit_amount.value

    @pytest.mark.parametrize("value", [0, 2**64 - 1])
    @pytest.mark.parametrize("field", ["debit_amount", "receive_amount"])
    async def test_amounts_at_the_ends_of_64_bits(
        self, banks: Banks, open_payment: Any, field: str, value: int
    ) -> None:
        fields: dict[str, Any] = {field: amount(value)}
        if (field, value) == ("debit_amount", 2**64 - 1):
            quote = await banks.near.quote(banks.alice, open_payment, **fields)
            assert quote.receive_amount.value == value * 99 // 100
            return
        error = await refused(banks, open_payment, **{field: amount(value)})
        assert isinstance(error, InvalidArgument)
        assert (
            error.field == {"debit_amount": "debitAmount", "receive_amount": "receiveAmount"}[field]
        )


class TestFees:
    """On top of what is delivered, or off what is debited."""

    async def test_they_are_in_the_debit(self, new_node: NewNode) -> None:
        node = await new_node("fees")
        usd = await node.asset()
        await node.fee(usd, fixed=10, basis_points=200)
        payer, payee = await node.wallet(usd), await node.wallet(usd)
        quote = await node.quote(payer, await node.incoming(payee, amount(1_001)))
        assert quote.debit_amount == amount(1_001 + 10 + 21)
        fixed_send = await node.quote(payer, await node.incoming(payee), debit_amount=amount(1_000))
        assert fixed_send.receive_amount == amount(970)

    async def test_the_newest_fee_holds(self, new_node: NewNode) -> None:
        node = await new_node("newest")
        usd = await node.asset()
        await node.fee(usd, fixed=10, basis_points=0)
        await node.fee(usd, fixed=3, basis_points=0)
        payer, payee = await node.wallet(usd), await node.wallet(usd)
        quote = await node.quote(payer, await node.incoming(payee, amount(100)))
        assert quote.debit_amount == amount(103)


class TestRates:
    """Across currencies."""

    async def test_on_this_node_and_to_a_peer(self, banks: Banks) -> None:
        banks.outside.rates = {"USD": {"EUR": "0.91"}}
        near_eur = await banks.near.asset("EUR")
        local = await banks.near.incoming(await banks.near.wallet(near_eur), amount(500, "EUR"))
        assert (await banks.near.quote(banks.alice, local)).debit_amount == amount(550)
        far_eur = await banks.far.asset("EUR")
        remote = await banks.far.incoming(await banks.far.wallet(far_eur), amount(500, "EUR"))
        assert (await banks.near.quote(banks.alice, remote)).debit_amount == amount(556)

    async def test_an_unknown_currency(self, banks: Banks) -> None:
        xaf = await banks.far.asset("XAF", 0)
        incoming = await banks.far.incoming(await banks.far.wallet(xaf), amount(5, "XAF", 0))
        error = await refused(banks, incoming)
        assert isinstance(error, Unavailable)
        assert error.reason == "RATE_UNAVAILABLE"
        assert error.metadata == {"base": "USD", "counter": "XAF"}

    @pytest.mark.parametrize("rate", ["1e-300", "1e300"])
    async def test_a_rate_at_which_nothing_can_be_sent(self, banks: Banks, rate: str) -> None:
        code = f"X{rate[2:]}".replace("-", "M")
        banks.outside.rates = {"USD": {code: rate}}
        odd = await banks.far.asset(code)
        incoming = await banks.far.incoming(await banks.far.wallet(odd), amount(5, code))
        banks.clock.jump(60)
        error = await refused(banks, incoming)
        assert isinstance(error, InvalidArgument)
        assert (error.reason, error.field) == ("INVALID_AMOUNT", "receiver")

    async def test_a_rates_service_that_fails(self, banks: Banks) -> None:
        banks.outside.rates = {"USD": {"CHF": "0.9"}}
        chf = await banks.far.asset("CHF")
        incoming = await banks.far.incoming(await banks.far.wallet(chf), amount(90, "CHF"))
        banks.clock.jump(60)
        banks.outside.rates_status = 500
        try:
            assert (await refused(banks, incoming)).reason == "RATE_UNAVAILABLE"
        finally:
            banks.outside.rates_status = 200
        banks.clock.jump(60)
        assert (await banks.near.quote(banks.alice, incoming)).debit_amount == amount(102)


class TestReach:
    """Receivers that can't be paid."""

    async def test_nobody_leads_there(self, banks: Banks, new_node: NewNode) -> None:
        island = await new_node("island")
        usd = await island.asset()
        incoming = await island.incoming(await island.wallet(usd), amount(5))
        error = await refused(banks, incoming)
        assert isinstance(error, FailedPrecondition)
        assert error.reason == "UNREACHABLE"

    async def test_its_bank_does_not_answer(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        banks.far.edge.says = DOWN
        try:
            error = await refused(banks, incoming)
        finally:
            banks.far.edge.says = None
        assert isinstance(error, Unavailable)
        assert error.reason == "REMOTE_UNAVAILABLE"

    async def test_there_is_no_such_payment(self, banks: Banks) -> None:
        base = f"{banks.far.settings.open_payments_url}/{banks.far.tenant}/incoming-payments"
        error = await refused(banks, f"{base}/{banks.bob.id}")
        assert isinstance(error, InvalidArgument)
        assert error.reason == "INVALID_RECEIVER"

    async def test_it_is_completed(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        await banks.far.complete(incoming)
        assert (await refused(banks, incoming)).reason == "INVALID_RECEIVER"

    async def test_a_refused_token_is_replaced_once(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        await banks.near.quote(banks.alice, incoming)
        grants = banks.far.edge.grants
        banks.far.edge.token = "a-new-token"
        await banks.near.quote(banks.alice, incoming)
        await banks.near.quote(banks.alice, incoming)
        assert banks.far.edge.grants == grants + 1


class TestTime:
    """A quote holds for minutes, and never longer than its receiver."""

    async def test_its_own_life(self, banks: Banks) -> None:
        incoming = await banks.far.incoming(banks.bob, amount(500))
        quote = await banks.near.quote(banks.alice, incoming)
        life = quote.expires_at.ToDatetime() - quote.created_at.ToDatetime()
        assert life == timedelta(minutes=5)
        banks.clock.jump(301)
        with pytest.raises(InvalidArgument) as raised:
            await banks.near.outgoing(banks.alice, quote)
        assert raised.value.reason == "INVALID_QUOTE"

    async def test_not_beyond_the_receivers(self, banks: Banks) -> None:
        expires_at = Timestamp()
        expires_at.FromDatetime(banks.clock.now() + timedelta(seconds=60))
        incoming = await banks.far.incoming(banks.bob, amount(500), expires_at=expires_at)
        quote = await banks.near.quote(banks.alice, incoming)
        assert quote.expires_at == incoming.expires_at


async def test_a_quote_of_another_wallet_address_can_not_be_used(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    other = await banks.near.wallet(banks.near_asset)
    with pytest.raises(InvalidArgument) as raised:
        await banks.near.outgoing(other, quote)
    assert raised.value.reason == "INVALID_QUOTE"
