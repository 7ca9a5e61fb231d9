from pathlib import Path
from typing import Any

import pytest

from deploy.local.ase.accounts import Accounts
from deploy.local.ase.admin_api import AdminApiError, AdminApiRefusedError
from deploy.local.ase.webhooks import WebhookHandler
from tests.support.clock import ManualClock


class FakeAdminApi:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.broken = False
        self.state = "FUNDING"

    async def deposit_outgoing_payment(self, payment_id: str, *, key: str) -> None:
        self._note("deposit", payment_id, key)

    async def withdraw_incoming_payment(self, payment_id: str, *, key: str) -> None:
        self._note("withdraw incoming", payment_id, key)

    async def withdraw_outgoing_payment(self, payment_id: str, *, key: str) -> None:
        self._note("withdraw outgoing", payment_id, key)

    async def cancel_outgoing_payment(self, payment_id: str, *, reason: str) -> None:
        self._note("cancel", payment_id, reason)

    async def outgoing_payment_state(self, payment_id: str) -> str:
        assert payment_id == "p"
        return self.state

    def _note(self, *call: str) -> None:
        if self.broken:
            raise AdminApiError("down")
        if self.state != "FUNDING" and call[0] == "deposit":
            raise AdminApiRefusedError(f"the payment is {self.state}")
        self.calls.append((call[0], call[1], call[2]))


class Bank:
    def __init__(self, path: Path) -> None:
        self.books = Accounts(path)
        self.books.open_account(
            wallet_address_id="w", wallet_address="http://w/a", name="A", balance=100
        )
        self.api = FakeAdminApi()
        self.handler = WebhookHandler(
            accounts=self.books,
            admin_api=self.api,  # type: ignore[arg-type]  # only its four calls are used
            clock=ManualClock(),
        )

    async def get(self, kind: str, **data: Any) -> None:
        data = {"id": "p", "walletAddressId": "w", **data}
        await self.handler.handle({"id": f"event-{kind}", "type": kind, "data": data})

    @property
    def balance(self) -> int:
        return self.books.account("w").balance


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path / "accounts.sqlite")


def amount(value: int) -> dict[str, Any]:
    return {"value": str(value), "assetCode": "USD", "assetScale": 2}


async def test_a_created_payment_is_debited_and_funded_once(bank: Bank) -> None:
    for _ in range(2):
        await bank.get("outgoing_payment.created", debitAmount=amount(60))
    assert bank.balance == 40
    assert bank.api.calls == [("deposit", "p", "event-outgoing_payment.created")]


async def test_a_payment_that_could_not_be_funded_is_debited_once_when_repeated(
    bank: Bank,
) -> None:
    bank.api.broken = True
    with pytest.raises(AdminApiError):
        await bank.get("outgoing_payment.created", debitAmount=amount(60))
    bank.api.broken = False
    await bank.get("outgoing_payment.created", debitAmount=amount(60))
    assert bank.balance == 40
    assert len(bank.api.calls) == 1


async def test_a_payment_beyond_the_balance_is_cancelled(bank: Bank) -> None:
    await bank.get("outgoing_payment.created", debitAmount=amount(101))
    assert bank.balance == 100
    assert bank.api.calls == [("cancel", "p", "insufficient funds")]


@pytest.mark.parametrize("kind", ["outgoing_payment.completed", "outgoing_payment.failed"])
async def test_what_is_left_of_a_payment_is_refunded_once(bank: Bank, kind: str) -> None:
    for _ in range(2):
        await bank.get(kind, balance="7")
    assert bank.balance == 107
    await bank.get(f"{kind}", balance="0")
    assert bank.balance == 107


@pytest.mark.parametrize("kind", ["incoming_payment.completed", "incoming_payment.expired"])
async def test_what_was_received_is_credited_after_it_left_the_node(bank: Bank, kind: str) -> None:
    bank.api.broken = True
    with pytest.raises(AdminApiError):
        await bank.get(kind, receivedAmount=amount(9))
    assert bank.balance == 100
    bank.api.broken = False
    for _ in range(2):
        await bank.get(kind, receivedAmount=amount(9))
    assert bank.balance == 109


async def test_other_events_ask_nothing_of_a_bank(bank: Bank) -> None:
    for kind in ("peer.liquidity_low", "wallet_address.not_found", "incoming_payment.created"):
        await bank.get(kind)
    await bank.get("incoming_payment.expired", receivedAmount=amount(0))
    assert (bank.balance, bank.api.calls) == (100, [])


async def test_a_payment_cancelled_in_an_outage_is_given_back_without_another_event(
    bank: Bank,
) -> None:
    bank.api.broken = True
    with pytest.raises(AdminApiError):
        await bank.get("outgoing_payment.created", debitAmount=amount(60))
    with pytest.raises(AdminApiError):
        await bank.handler.reconcile()
    assert bank.balance == 40
    bank.api.broken, bank.api.state = False, "CANCELLED"
    for _ in range(2):
        await bank.handler.reconcile()
    assert bank.balance == 100
    await bank.get("outgoing_payment.created", debitAmount=amount(60))
    assert bank.balance == 100


async def test_a_payment_whose_funding_was_cut_off_is_funded_by_reconciling(bank: Bank) -> None:
    bank.api.broken = True
    with pytest.raises(AdminApiError):
        await bank.get("outgoing_payment.created", debitAmount=amount(60))
    bank.api.broken = False
    for _ in range(2):
        await bank.handler.reconcile()
    assert bank.balance == 40
    assert bank.api.calls == [("deposit", "p", "event-outgoing_payment.created")]


async def test_a_refusal_of_a_payment_that_goes_on_keeps_the_money(bank: Bank) -> None:
    bank.api.state = "SENDING"
    with pytest.raises(AdminApiRefusedError):
        await bank.get("outgoing_payment.created", debitAmount=amount(60))
    assert bank.balance == 40
