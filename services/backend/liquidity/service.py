"""Money that enters and leaves the node: deposits and withdrawals against settlement."""

from typing import Protocol
from uuid import UUID

from servicekit.database import Database
from servicekit.errors import FailedPrecondition

from services.backend.assets import repository as assets
from services.backend.assets.errors import unknown_asset
from services.backend.incoming_payments.model import State as IncomingState
from services.backend.incoming_payments.service import IncomingPaymentService
from services.backend.ledger.accounting import deposit, partial_posting, voiding, withdrawal
from services.backend.ledger.chart import balance
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.outcome import carry_out
from services.backend.outgoing_payments.model import State as OutgoingState
from services.backend.outgoing_payments.service import OutgoingPaymentService
from services.backend.peers.service import PeerService
from services.backend.scope import Scope
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.errors import unknown_wallet_address


class MoneyLedger(LedgerReader, LedgerWriter, Protocol):
    """What deposits and withdrawals need."""


class LiquidityService:
    """Each transfer's id is the caller's or follows from the payment: a repeat is a no-op."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: MoneyLedger,
        peers: PeerService,
        incoming_payments: IncomingPaymentService,
        outgoing_payments: OutgoingPaymentService,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._peers = peers
        self._incoming_payments = incoming_payments
        self._outgoing_payments = outgoing_payments

    async def deposit_asset(
        self, scope: Scope, asset_id: UUID, *, transfer_id: UUID, amount: int
    ) -> None:
        """Add to the node's liquidity in an asset."""
        ledger = await self._asset_ledger(scope, asset_id)
        await self._deposit(transfer_id.int, asset_id, ledger, amount)

    async def deposit_peer(
        self, scope: Scope, peer_id: UUID, *, transfer_id: UUID, amount: int
    ) -> None:
        """Add to a peer's liquidity."""
        peer, asset = await self._peers.get(scope, peer_id)
        await self._deposit(transfer_id.int, peer.id, asset.ledger, amount)

    async def withdraw_asset(
        self, scope: Scope, asset_id: UUID, *, transfer_id: UUID, amount: int, timeout_s: int
    ) -> None:
        """Take from the node's liquidity in an asset."""
        ledger = await self._asset_ledger(scope, asset_id)
        await self._withdraw(transfer_id.int, asset_id, ledger, amount, timeout_s)

    async def withdraw_peer(
        self, scope: Scope, peer_id: UUID, *, transfer_id: UUID, amount: int, timeout_s: int
    ) -> None:
        """Take from a peer's liquidity."""
        peer, asset = await self._peers.get(scope, peer_id)
        await self._withdraw(transfer_id.int, peer.id, asset.ledger, amount, timeout_s)

    async def withdraw_incoming_payment(
        self, scope: Scope, payment_id: UUID, *, timeout_s: int
    ) -> None:
        """Take all that an ended payment received."""
        view = await self._incoming_payments.get(payment_id, tenant_id=scope.filter)
        if view.payment.state is IncomingState.PENDING:
            raise _not_ended(view.payment.state)
        transfer_id = derive_id("incoming payment withdrawal", payment_id.int)
        await self._withdraw(transfer_id, payment_id, view.asset.ledger, view.received, timeout_s)

    async def withdraw_outgoing_payment(
        self, scope: Scope, payment_id: UUID, *, timeout_s: int
    ) -> None:
        """Take all that an ended payment left over."""
        view = await self._outgoing_payments.get(payment_id, tenant_id=scope.filter)
        if view.payment.state in {OutgoingState.FUNDING, OutgoingState.SENDING}:
            raise _not_ended(view.payment.state)
        transfer_id = derive_id("outgoing payment withdrawal", payment_id.int)
        if transfer_id in await self._ledger.lookup_transfers([transfer_id]):
            return
        account = (await self._ledger.lookup_accounts([payment_id.int])).get(payment_id.int)
        left = 0 if account is None else balance(account)
        await self._withdraw(transfer_id, payment_id, view.asset.ledger, left, timeout_s)

    async def withdraw_wallet_address(
        self, scope: Scope, wallet_address_id: UUID, *, transfer_id: UUID, timeout_s: int
    ) -> None:
        """Take all that a wallet address received without a payment."""
        async with self._database.read() as session:
            wallet = await wallet_addresses.get(session, wallet_address_id, scope.filter)
            if wallet is None:
                raise unknown_wallet_address(wallet_address_id)
            asset = (await assets.by_ids(session, [wallet.asset_id]))[wallet.asset_id]
        if transfer_id.int in await self._ledger.lookup_transfers([transfer_id.int]):
            return
        account = (await self._ledger.lookup_accounts([wallet.id.int])).get(wallet.id.int)
        left = 0 if account is None else balance(account)
        await self._withdraw(transfer_id.int, wallet.id, asset.ledger, left, timeout_s)

    async def post_withdrawal(self, withdrawal_id: UUID) -> None:
        """Finish a withdrawal in two phases."""
        await carry_out(self._ledger, partial_posting(withdrawal_id.int))

    async def void_withdrawal(self, withdrawal_id: UUID) -> None:
        """Give a withdrawal in two phases up."""
        await carry_out(self._ledger, voiding([withdrawal_id.int]))

    async def _asset_ledger(self, scope: Scope, asset_id: UUID) -> int:
        async with self._database.read() as session:
            asset = await assets.get(session, asset_id, scope.filter)
        if asset is None:
            raise unknown_asset(asset_id)
        return asset.ledger

    async def _deposit(self, transfer_id: int, account_id: UUID, ledger: int, amount: int) -> None:
        plan = deposit(
            transfer_id=transfer_id,
            account_id=account_id.int,
            ledger=ledger,
            amount=amount,
            cause_id=account_id.int,
        )
        await carry_out(self._ledger, plan)

    async def _withdraw(
        self, transfer_id: int, account_id: UUID, ledger: int, amount: int, timeout_s: int
    ) -> None:
        if amount == 0:
            return  # nothing to take is no failure: the account is as empty as was asked for
        plan = withdrawal(
            transfer_id=transfer_id,
            account_id=account_id.int,
            ledger=ledger,
            amount=amount,
            timeout_s=timeout_s,
            cause_id=account_id.int,
        )
        await carry_out(self._ledger, plan)


def _not_ended(state: str) -> FailedPrecondition:
    return FailedPrecondition(
        "WRONG_STATE",
        f"the payment is {state}: only an ended one can be withdrawn",
        metadata={"state": str(state)},
    )
