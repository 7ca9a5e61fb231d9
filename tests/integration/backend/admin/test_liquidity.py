"""Deposits and withdrawals through the Admin contract, and what accounts show of them."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    peer_service_pb2,
    tenant_service_pb2,
)
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import wallet_address_service_pb2 as wallet_pb2
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from servicekit.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServiceError,
)
from sqlalchemy import text

from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import AMOUNT_MAX
from tests.integration.backend.admin.conftest import World, eventually, key, usd

PENDING = pb.ACCOUNTING_TRANSFER_STATE_PENDING
POSTED = pb.ACCOUNTING_TRANSFER_STATE_POSTED
VOIDED = pb.ACCOUNTING_TRANSFER_STATE_VOIDED
AN_HOUR_S = 3_600


@dataclass
class Bank:
    """A tenant with an asset of its own, or the operator."""

    world: World
    tenant_id: str | None
    asset_id: str = ""

    async def open(self, code: str = "USD") -> "Bank":
        asset = await self.world.asset(code, tenant_id=self.tenant_id)
        self.asset_id = asset.id
        return self

    async def balance(self) -> int:
        return await self.balance_of(self.asset_id)

    async def balance_of(self, asset_id: str) -> int:
        request = asset_service_pb2.GetAssetRequest(id=asset_id, tenant_id=self.tenant_id)
        liquidity: int = (await self.world.assets.GetAsset(request)).liquidity
        return liquidity

    async def deposit(self, amount: int, *, chosen_id: str | None = None, **fields: Any) -> Any:
        return await self.world.liquidity.DepositAssetLiquidity(
            pb.DepositAssetLiquidityRequest(
                tenant_id=self.tenant_id,
                id=chosen_id or str(uuid4()),
                amount=amount,
                **({"asset_id": self.asset_id, "idempotency_key": key()} | fields),
            )
        )

    async def withdraw(
        self, amount: int, *, chosen_id: str | None = None, timeout_s: int = 0, **fields: Any
    ) -> Any:
        return await self.world.liquidity.WithdrawAssetLiquidity(
            pb.WithdrawAssetLiquidityRequest(
                tenant_id=self.tenant_id,
                id=chosen_id or str(uuid4()),
                amount=amount,
                timeout_seconds=timeout_s,
                **({"asset_id": self.asset_id, "idempotency_key": key()} | fields),
            )
        )

    async def post(self, withdrawal_id: str) -> None:
        await self.world.liquidity.PostWithdrawal(
            pb.PostWithdrawalRequest(
                tenant_id=self.tenant_id, withdrawal_id=withdrawal_id, idempotency_key=key()
            )
        )

    async def void(self, withdrawal_id: str) -> None:
        await self.world.liquidity.VoidWithdrawal(
            pb.VoidWithdrawalRequest(
                tenant_id=self.tenant_id, withdrawal_id=withdrawal_id, idempotency_key=key()
            )
        )

    async def transfers(self, account_id: str | None = None, **fields: Any) -> list[Any]:
        request = pb.ListAccountingTransfersRequest(
            tenant_id=self.tenant_id, account_id=account_id or self.asset_id, **fields
        )
        return list((await self.world.liquidity.ListAccountingTransfers(request)).transfers)


async def _tenant(world: World) -> Bank:
    made = await world.tenants.CreateTenant(
        tenant_service_pb2.CreateTenantRequest(
            api_secret="a-secret-of-the-tenant", idempotency_key=key()
        )
    )
    return await Bank(world, made.id).open()


@pytest.fixture
async def operator(world: World) -> Bank:
    return await Bank(world, None).open()


async def _refusal(call: Any, kind: type[ServiceError]) -> str:
    with pytest.raises(kind) as refused:
        await call
    return refused.value.reason


async def test_the_same_id_is_another_one_for_each_tenant(world: World, operator: Bank) -> None:
    banks = [operator, await _tenant(world), await _tenant(world)]
    chosen_id = str(uuid4())
    transfer_ids = set()
    for amount, bank in enumerate(banks, 10):
        reply = await bank.deposit(amount, chosen_id=chosen_id)
        transfer_ids.add(reply.transfer_id)
        assert (reply.id, reply.account_id, reply.amount) == (chosen_id, bank.asset_id, amount)
        assert await bank.balance() == amount
    assert len(transfer_ids) == len(banks)


async def test_an_id_is_good_for_one_deposit_or_withdrawal(operator: Bank) -> None:
    chosen_id, again = str(uuid4()), key()
    first = await operator.deposit(10, chosen_id=chosen_id, idempotency_key=again)
    assert await operator.deposit(10, chosen_id=chosen_id, idempotency_key=again) == first
    for repeat in (operator.deposit, operator.withdraw):
        assert await _refusal(repeat(10, chosen_id=chosen_id), AlreadyExists) == "TRANSFER_EXISTS"
    assert await operator.balance() == 10


async def test_an_id_that_the_node_will_need_can_not_be_taken(world: World, operator: Bank) -> None:
    """Deposits under each id that an outgoing payment's transfers get; then it is funded."""
    tenant = await _tenant(world)
    wallet = await world.wallet(tenant.asset_id, tenant_id=tenant.tenant_id)
    other = await _tenant(world)
    receiver = await world.payments.CreateIncomingPayment(
        payments.CreateIncomingPaymentRequest(
            tenant_id=tenant.tenant_id,
            wallet_address_id=wallet.id,
            incoming_amount=usd(100),
            idempotency_key=key(),
        )
    )
    quote = await world.payments.CreateQuote(
        payments.CreateQuoteRequest(
            tenant_id=tenant.tenant_id,
            wallet_address_id=wallet.id,
            receiver=receiver.url,
            idempotency_key=key(),
        )
    )
    payment_id = UUID(quote.id).int
    for name in ("outgoing payment deposit", "outgoing payment withdrawal"):
        await other.deposit(1, chosen_id=str(UUID(int=derive_id(name, payment_id))))
    paid = await world.payments.CreateOutgoingPayment(
        payments.CreateOutgoingPaymentRequest(
            tenant_id=tenant.tenant_id,
            wallet_address_id=wallet.id,
            quote_id=quote.id,
            idempotency_key=key(),
        )
    )
    await world.fund(paid.id)

    await _completed(world, receiver.id)
    taken = await world.liquidity.WithdrawIncomingPayment(
        pb.WithdrawIncomingPaymentRequest(
            incoming_payment_id=receiver.id, idempotency_key=key(), timeout_seconds=AN_HOUR_S
        )
    )
    assert (taken.tenant_id, taken.amount) == (tenant.tenant_id, 100)


async def _received(world: World, bank: Bank, amount: int) -> Any:
    """A completed incoming payment that holds an amount."""
    wallet = await world.wallet(bank.asset_id, tenant_id=bank.tenant_id)
    receiver = await world.payments.CreateIncomingPayment(
        payments.CreateIncomingPaymentRequest(
            wallet_address_id=wallet.id, incoming_amount=usd(amount), idempotency_key=key()
        )
    )
    quote = await world.payments.CreateQuote(
        payments.CreateQuoteRequest(
            wallet_address_id=wallet.id, receiver=receiver.url, idempotency_key=key()
        )
    )
    paid = await world.payments.CreateOutgoingPayment(
        payments.CreateOutgoingPaymentRequest(
            wallet_address_id=wallet.id, quote_id=quote.id, idempotency_key=key()
        )
    )
    await world.fund(paid.id)

    return await _completed(world, receiver.id)


async def _completed(world: World, incoming_payment_id: str) -> Any:
    async def read() -> Any:
        return await world.payments.GetIncomingPayment(
            payments.GetIncomingPaymentRequest(id=incoming_payment_id)
        )

    completed = payments.INCOMING_PAYMENT_STATE_COMPLETED
    return await eventually(read, lambda payment: payment.state == completed)


async def test_a_payments_withdrawal_that_was_given_up_can_be_made_again(
    world: World, operator: Bank
) -> None:
    payment = await _received(world, operator, 100)

    async def withdraw(timeout_s: int, again: str | None = None) -> Any:
        return await world.liquidity.WithdrawIncomingPayment(
            pb.WithdrawIncomingPaymentRequest(
                incoming_payment_id=payment.id,
                timeout_seconds=timeout_s,
                idempotency_key=again or key(),
            )
        )

    first = await withdraw(AN_HOUR_S)
    assert await _refusal(withdraw(0), FailedPrecondition) == "WRONG_STATE"
    await operator.void(first.id)
    assert await _refusal(operator.post(first.id), FailedPrecondition) == "TRANSFER_RESOLVED"
    again = key()
    second = await withdraw(AN_HOUR_S, again)
    assert (second.id, second.amount) == (first.id, 100)
    assert second.transfer_id != first.transfer_id
    await operator.post(second.id)
    assert await withdraw(AN_HOUR_S, again) == second
    assert await _refusal(withdraw(0), FailedPrecondition) == "NOTHING_TO_WITHDRAW"
    assert await _refusal(operator.void(first.id), FailedPrecondition) == "TRANSFER_RESOLVED"
    out = [t for t in await operator.transfers(payment.id) if t.debit_account_id == payment.id]
    assert [(t.id, t.state) for t in out] == [(first.id, POSTED), (first.id, VOIDED)]


async def test_a_withdrawal_from_a_payment_has_the_id_of_the_event_that_told_of_it(
    world: World, operator: Bank
) -> None:
    payment = await _received(world, operator, 5)
    reply = await world.liquidity.WithdrawIncomingPayment(
        pb.WithdrawIncomingPaymentRequest(incoming_payment_id=payment.id, idempotency_key=key())
    )
    told = await eventually(lambda: _event_ids(world, "incoming_payment.completed"), bool)
    assert reply.id in told


async def _event_ids(world: World, event_type: str) -> list[str]:
    page = await world.events.ListWebhookEvents(
        event_service_pb2.ListWebhookEventsRequest(types=[event_type])
    )
    return [event.id for event in page.events]


async def test_only_ones_own_withdrawals_are_resolved_and_the_operator_resolves_all(
    world: World, operator: Bank
) -> None:
    tenant, other = await _tenant(world), await _tenant(world)
    await tenant.deposit(100)
    await other.deposit(100)
    deposit = await tenant.deposit(1)
    for name in (deposit.id, deposit.transfer_id):
        for resolve in (tenant.post, tenant.void, operator.post, operator.void):
            assert await _refusal(resolve(name), NotFound) == "UNKNOWN_TRANSFER"
    made = await tenant.withdraw(60, timeout_s=AN_HOUR_S)
    for resolve in (other.post, other.void):
        for name in (made.id, made.transfer_id):
            assert await _refusal(resolve(name), NotFound) == "UNKNOWN_TRANSFER"
    await other.withdraw(1, chosen_id=made.id, timeout_s=AN_HOUR_S)
    assert await _refusal(operator.post(made.id), InvalidArgument) == "INVALID_FIELD"
    await other.post(made.id)
    assert await tenant.balance() == 41
    await tenant.void(made.id)
    assert await tenant.balance() == 101
    second = await tenant.withdraw(1, timeout_s=AN_HOUR_S)
    await operator.post(second.id)
    assert (await tenant.transfers())[0].state == POSTED


async def test_a_withdrawal_at_once_is_not_there_to_be_resolved(operator: Bank) -> None:
    await operator.deposit(10)
    made = await operator.withdraw(4)
    for resolve in (operator.post, operator.void):
        assert await _refusal(resolve(made.id), FailedPrecondition) == "TRANSFER_RESOLVED"


@pytest.mark.parametrize(
    ("amount", "timeout_s", "reason"), [(0, 0, "INVALID_AMOUNT"), (1, 2**31, "INVALID_FIELD")]
)
async def test_what_can_be_no_withdrawal_is_refused(
    operator: Bank, amount: int, timeout_s: int, reason: str
) -> None:
    await operator.deposit(10)
    refused = _refusal(operator.withdraw(amount, timeout_s=timeout_s), InvalidArgument)
    assert await refused == reason


async def test_accounts_show_transfers_under_callers_ids_in_their_state(operator: Bank) -> None:
    ids = [str(uuid4()) for _ in range(4)]
    await operator.deposit(100, chosen_id=ids[0])
    for at, amount in enumerate((10, 20, 30), 1):
        await operator.withdraw(amount, chosen_id=ids[at], timeout_s=AN_HOUR_S)
    await operator.post(ids[1])
    await operator.void(ids[2])
    shown = await operator.transfers()
    assert [(t.id, t.amount, t.state) for t in shown] == [
        (ids[3], 30, PENDING),
        (ids[2], 20, VOIDED),
        (ids[1], 10, POSTED),
        (ids[0], 100, POSTED),
    ]
    assert [t.HasField("expires_at") for t in shown] == [True, True, True, False]
    assert len(await operator.transfers(limit=2)) == 2


async def test_an_account_is_shown_to_its_tenant_and_the_operator(
    world: World, operator: Bank
) -> None:
    tenant, other = await _tenant(world), await _tenant(world)
    await tenant.deposit(5)
    wallet = await world.wallet(tenant.asset_id, tenant_id=tenant.tenant_id)
    for account_id in (tenant.asset_id, wallet.id):
        await tenant.transfers(account_id)
        await operator.transfers(account_id)
        assert await _refusal(other.transfers(account_id), NotFound) == "UNKNOWN_ACCOUNT"
    for stranger in (str(uuid4()), "no-uuid", str(UUID(int=1))):
        assert await _refusal(tenant.transfers(stranger), NotFound) == "UNKNOWN_ACCOUNT"
    with pytest.raises(InvalidArgument):
        await operator.transfers(limit=101)


async def test_every_view_of_an_asset_and_a_peer_says_the_same_liquidity(
    world: World, operator: Bank
) -> None:
    await operator.deposit(1_000)
    asset_id = operator.asset_id
    peer = await world.peer(asset_id, "test.there", initial_liquidity=70)
    wallet = await world.wallet(asset_id)
    update = asset_service_pb2.UpdateAssetRequest(
        id=asset_id, liquidity_threshold=5, idempotency_key=key()
    )
    peers = [
        peer,
        await world.peers.GetPeer(peer_service_pb2.GetPeerRequest(id=peer.id)),
        await world.peers.UpdatePeer(
            peer_service_pb2.UpdatePeerRequest(id=peer.id, name="A", idempotency_key=key())
        ),
        (await world.peers.ListPeers(peer_service_pb2.ListPeersRequest())).peers[0],
    ]
    wallets = [
        wallet,
        await world.wallets.GetWalletAddress(wallet_pb2.GetWalletAddressRequest(id=wallet.id)),
        await world.wallets.GetWalletAddressByUrl(
            wallet_pb2.GetWalletAddressByUrlRequest(url=wallet.address)
        ),
        (
            await world.wallets.ListWalletAddresses(wallet_pb2.ListWalletAddressesRequest())
        ).wallet_addresses[0],
    ]
    assets = [
        await world.assets.UpdateAsset(update),
        await world.assets.UpdateAsset(update),
        await world.assets.GetAssetByCodeAndScale(
            asset_service_pb2.GetAssetByCodeAndScaleRequest(code="USD", scale=2)
        ),
        (await world.assets.ListAssets(asset_service_pb2.ListAssetsRequest())).assets[0],
        *(view.asset for view in (*peers, *wallets)),
    ]
    assert [view.liquidity for view in assets] == [1_000] * len(assets)
    assert [view.liquidity for view in peers] == [70] * len(peers)


async def test_an_asset_that_holds_money_is_not_deleted(world: World, operator: Bank) -> None:
    def delete() -> Any:
        return world.assets.DeleteAsset(
            asset_service_pb2.DeleteAssetRequest(id=operator.asset_id, idempotency_key=key())
        )

    await operator.deposit(10)
    assert await _refusal(delete(), FailedPrecondition) == "HOLDS_MONEY"
    pending = await operator.withdraw(10, timeout_s=AN_HOUR_S)
    assert await _refusal(delete(), FailedPrecondition) == "HOLDS_MONEY"
    await operator.post(pending.id)
    await delete()
    assert await _refusal(operator.deposit(1), NotFound) == "UNKNOWN_ASSET"


async def test_a_peer_that_holds_money_is_not_deleted_and_a_deleted_one_is_withdrawn_from(
    world: World, operator: Bank
) -> None:
    peer = await world.peer(operator.asset_id, "test.there", initial_liquidity=7)
    request = peer_service_pb2.DeletePeerRequest(id=peer.id, idempotency_key=key())

    def withdraw(amount: int) -> Any:
        return world.liquidity.WithdrawPeerLiquidity(
            pb.WithdrawPeerLiquidityRequest(
                id=str(uuid4()), peer_id=peer.id, amount=amount, idempotency_key=key()
            )
        )

    assert await _refusal(world.peers.DeletePeer(request), FailedPrecondition) == "HOLDS_MONEY"
    await withdraw(7)
    await world.peers.DeletePeer(request)
    # A packet that was on its way: its money lands on the account of what is deleted now.
    await _credit(world, operator, peer.id, 3)
    assert (await withdraw(3)).amount == 3


async def _credit(world: World, bank: Bank, account_id: str, amount: int) -> None:
    await bank.deposit(amount)
    status = await _move(world, bank, bank.asset_id, account_id, amount)
    assert status == ledger_pb2.TRANSFER_STATUS_CREATED


async def _move(world: World, bank: Bank, debit_id: str | None, credit_id: str, amount: int) -> int:
    """The ledger's answer to a transfer past the Admin API; without an account it brings in."""
    asset = await world.assets.GetAsset(asset_service_pb2.GetAssetRequest(id=bank.asset_id))
    transfer = ledger_pb2.Transfer(
        id=str(uuid4()),
        debit_account_id=debit_id or str(UUID(int=asset.ledger)),
        credit_account_id=credit_id,
        amount=amount,
        ledger=asset.ledger,
        code=1,
        kind=ledger_pb2.TRANSFER_KIND_SINGLE,
    )
    reply = await world.ledger.CreateTransfers(
        ledger_service_pb2.CreateTransfersRequest(chains=[ledger_pb2.Chain(transfers=[transfer])])
    )
    return int(reply.results[0].statuses[0])


@pytest.mark.parametrize("put_in", ["wallet", "peer"])
async def test_nothing_is_put_into_an_asset_that_is_being_deleted(
    world: World, operator: Bank, put_in: str
) -> None:
    deleted = world.assets.DeleteAsset(
        asset_service_pb2.DeleteAssetRequest(id=operator.asset_id, idempotency_key=key())
    )
    made = (
        world.wallet(operator.asset_id)
        if put_in == "wallet"
        else world.peer(operator.asset_id, "test.there")
    )
    results = await asyncio.gather(deleted, made, return_exceptions=True)
    reasons = [each.reason for each in results if isinstance(each, ServiceError)]
    assert reasons in (["WRONG_STATE"], ["UNKNOWN_ASSET"])


async def test_an_asset_takes_no_more_than_an_amount_can_say(world: World, operator: Bank) -> None:
    all_of_it = key()
    await operator.deposit(AMOUNT_MAX, chosen_id=all_of_it, idempotency_key=all_of_it)
    await operator.deposit(AMOUNT_MAX, chosen_id=all_of_it, idempotency_key=all_of_it)
    for amount in (AMOUNT_MAX, 2**41):
        refused = operator.deposit(amount)
        assert await _refusal(refused, InvalidArgument) == "DEPOSIT_TOO_LARGE"
    with pytest.raises(InvalidArgument):
        await world.peer(operator.asset_id, "test.there", initial_liquidity=2**41)
    assert await operator.balance() == AMOUNT_MAX
    await operator.withdraw(2**41)
    await operator.deposit(2**41)


async def test_assets_after_the_255th_keep_their_money_apart(world: World) -> None:
    """The original keeps a ledger's number in eight bits."""
    async with world.database.write() as session:
        await session.execute(text("SELECT setval('asset_ledger_numbers', 65535)"))
    banks = [await Bank(world, None).open(code) for code in ("AAA", "BBB")]
    for amount, bank in enumerate(banks, start=1):
        await bank.deposit(amount)
    assert [await bank.balance() for bank in banks] == [1, 2]


async def test_of_deposits_at_once_as_many_pass_as_an_amount_can_say(
    world: World, operator: Bank
) -> None:
    whole = [operator.deposit(AMOUNT_MAX) for _ in range(4)]
    results = await asyncio.gather(*whole, return_exceptions=True)
    refused = [each for each in results if isinstance(each, InvalidArgument)]
    assert [each.reason for each in refused] == ["DEPOSIT_TOO_LARGE"] * 3
    assert await operator.balance() == AMOUNT_MAX
    await world.peer(operator.asset_id, "test.there")
    listed = await world.peers.ListPeers(peer_service_pb2.ListPeersRequest())
    assert listed.peers[0].asset.liquidity == AMOUNT_MAX
    assert await _refusal(operator.deposit(1), InvalidArgument) == "DEPOSIT_TOO_LARGE"
    status = await _move(world, operator, None, operator.asset_id, 1)
    assert status == ledger_pb2.TRANSFER_STATUS_INVALID_AMOUNT


async def test_of_withdrawals_at_once_from_a_payment_one_moves(
    world: World, operator: Bank
) -> None:
    payment = await _received(world, operator, 100)
    calls = [
        world.liquidity.WithdrawIncomingPayment(
            pb.WithdrawIncomingPaymentRequest(incoming_payment_id=payment.id, idempotency_key=key())
        )
        for _ in range(5)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    moved = [each for each in results if not isinstance(each, BaseException)]
    assert [each.amount for each in moved] == [100]
    reasons = {each.reason for each in results if isinstance(each, ServiceError)}
    assert reasons <= {"INSUFFICIENT_BALANCE", "NOTHING_TO_WITHDRAW"}
    shown = [t for t in await operator.transfers(payment.id) if t.debit_account_id == payment.id]
    assert [t.id for t in shown] == [moved[0].id]


async def test_a_wallet_address_is_emptied_under_the_callers_id(
    world: World, operator: Bank
) -> None:
    wallet = await world.wallet(operator.asset_id)

    def withdraw(chosen_id: str) -> Any:
        return world.liquidity.WithdrawWalletAddress(
            pb.WithdrawWalletAddressRequest(
                id=chosen_id, wallet_address_id=wallet.id, idempotency_key=key()
            )
        )

    assert await _refusal(withdraw(key()), FailedPrecondition) == "NOTHING_TO_WITHDRAW"
    asset = await world.assets.GetAsset(asset_service_pb2.GetAssetRequest(id=operator.asset_id))
    account = ledger_pb2.Account(
        id=wallet.id,
        ledger=asset.ledger,
        kind=ledger_pb2.ACCOUNT_KIND_WALLET_ADDRESS,
        asset_id=asset.id,
    )
    await world.ledger.CreateAccounts(ledger_service_pb2.CreateAccountsRequest(accounts=[account]))
    await _credit(world, operator, wallet.id, 12)
    chosen_id = key()
    taken = await withdraw(chosen_id)
    assert (taken.id, taken.amount, taken.account_id) == (chosen_id, 12, wallet.id)
    assert await _refusal(withdraw(chosen_id), AlreadyExists) == "TRANSFER_EXISTS"
