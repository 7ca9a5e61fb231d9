"""What payments mean in transfers: pure functions that build chains.

A peer's account is credited when value is sent to the peer and debited when the peer sends. Layouts
follow the TypeScript Rafiki:

- deposit: settlement -> account; withdrawal: account -> settlement;
- across assets: source -> liquidity of the source's asset, liquidity of the destination's asset ->
  destination;
- within an asset: the smaller amount moves directly; a surplus goes to the asset's liquidity, a
  shortfall comes from it;
- into an incoming payment with an `incomingAmount`: also allowance -> allowance pool, so that the
  payment can't accept more than that.

The first transfer of a chain has the id that the caller gives, the others' ids derive from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import (
    FULL_AMOUNT,
    ChainResult,
    NewAccount,
    Transfer,
    TransferKind,
    post,
    void,
)
from services.backend.ledger.rules.chart import (
    AccountCode,
    TransferCode,
    allowance_pool_account_id,
    new_account,
    settlement_account_id,
)


class LegMeaning(NamedTuple):
    """What the failures of one transfer mean to the payment that it is a part of."""

    insufficient: TransferStatus = TransferStatus.INSUFFICIENT_BALANCE
    invalid_amount: TransferStatus = TransferStatus.INVALID_AMOUNT


@dataclass(frozen=True, slots=True)
class Plan:
    """A chain, and what its failures mean."""

    chain: tuple[Transfer, ...]
    meanings: tuple[LegMeaning, ...]

    def explain(self, result: ChainResult) -> TransferStatus:
        """Return the result in the payment's terms: CREATED, EXISTS or why not."""
        meaning = self.meanings[result.failed_at]
        if result.status is TransferStatus.INSUFFICIENT_BALANCE:
            return meaning.insufficient
        if result.status is TransferStatus.INVALID_AMOUNT:
            return meaning.invalid_amount
        return result.status

    @property
    def pending_ids(self) -> tuple[int, ...]:
        """The ids that a later `posting` or `voiding` names."""
        return tuple(t.id for t in self.chain if t.kind is TransferKind.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One end of a transfer: the account, its ledger and the liquidity account of its asset."""

    account_id: int
    ledger: int
    asset_account_id: int


class _Leg(NamedTuple):
    debit_account_id: int
    credit_account_id: int
    amount: int
    ledger: int
    code: TransferCode
    meaning: LegMeaning


_SOURCE = LegMeaning(invalid_amount=TransferStatus.INVALID_SOURCE_AMOUNT)
_DESTINATION = LegMeaning(
    insufficient=TransferStatus.INSUFFICIENT_LIQUIDITY,
    invalid_amount=TransferStatus.INVALID_DESTINATION_AMOUNT,
)
_ALLOWANCE = LegMeaning(
    insufficient=TransferStatus.ALLOWANCE_EXCEEDED,
    invalid_amount=TransferStatus.INVALID_DESTINATION_AMOUNT,
)


def deposit(
    *,
    transfer_id: int,
    account_id: int,
    ledger: int,
    amount: int,
    timeout_s: int = 0,
    cause_id: int = 0,
) -> Plan:
    """Bring money in from outside; with a timeout only once it is posted."""
    leg = _Leg(
        settlement_account_id(ledger),
        account_id,
        amount,
        ledger,
        TransferCode.DEPOSIT,
        LegMeaning(),
    )
    return _plan(transfer_id, [leg], timeout_s=timeout_s, cause_id=cause_id)


def withdrawal(
    *,
    transfer_id: int,
    account_id: int,
    ledger: int,
    amount: int,
    timeout_s: int = 0,
    cause_id: int = 0,
) -> Plan:
    """Take money out; with a timeout it is reserved until posted, voided or expired."""
    leg = _Leg(
        account_id,
        settlement_account_id(ledger),
        amount,
        ledger,
        TransferCode.WITHDRAWAL,
        LegMeaning(),
    )
    return _plan(transfer_id, [leg], timeout_s=timeout_s, cause_id=cause_id)


def transfer(
    *,
    transfer_id: int,
    source: Side,
    destination: Side,
    source_amount: int,
    destination_amount: int,
    timeout_s: int = 0,
    cause_id: int = 0,
    allowance_account_id: int | None = None,
) -> Plan:
    """Move money between accounts, each amount in its own asset's smallest unit.

    With a timeout it is only reserved, for `posting` or `voiding`. With an allowance account, that
    of the incoming payment it goes to, it fails with ALLOWANCE_EXCEEDED when the payment would
    accept too much.
    """
    if source.ledger == destination.ledger:
        legs = _within_asset(source, destination, source_amount, destination_amount)
    else:
        legs = _across_assets(source, destination, source_amount, destination_amount)
    if allowance_account_id is not None:
        legs.append(
            _Leg(
                allowance_account_id,
                allowance_pool_account_id(destination.ledger),
                destination_amount,
                destination.ledger,
                TransferCode.ALLOWANCE,
                _ALLOWANCE,
            )
        )
    return _plan(transfer_id, legs, timeout_s=timeout_s, cause_id=cause_id)


def credit_id(transfer_id: int, *, source: Side, destination: Side) -> int:
    """Return the id of the leg of a `transfer` whose amount is what the destination was credited.

    Within an asset that holds as long as the destination gets no more than the source gives.
    """
    return transfer_id if source.ledger == destination.ledger else derive_id("leg", transfer_id, 1)


def posting(pending_ids: Sequence[int], *, cause_id: int = 0) -> Plan:
    """Post reserved transfers in full, all or none."""
    chain = tuple(
        post(derive_id("post", pending_id), pending_id, user_data_128=cause_id)
        for pending_id in pending_ids
    )
    return Plan(chain, (LegMeaning(),) * len(chain))


def partial_posting(pending_id: int, *, amount: int = FULL_AMOUNT, cause_id: int = 0) -> Plan:
    """Post a part of one reserved transfer and release the rest."""
    transfer_id = derive_id("post", pending_id)
    chain = (post(transfer_id, pending_id, amount=amount, user_data_128=cause_id),)
    return Plan(chain, (LegMeaning(),))


def voiding(pending_ids: Sequence[int], *, cause_id: int = 0) -> Plan:
    """Release reserved transfers, all or none."""
    chain = tuple(
        void(derive_id("void", pending_id), pending_id, user_data_128=cause_id)
        for pending_id in pending_ids
    )
    return Plan(chain, (LegMeaning(),) * len(chain))


def allowance_account_id(payment_id: int) -> int:
    """Return the id of an incoming payment's allowance account."""
    return derive_id("allowance account", payment_id)


def new_incoming_payment_accounts(
    *, payment_id: int, ledger: int, asset_id: int, limited: bool
) -> tuple[NewAccount, ...]:
    """Describe an incoming payment's accounts; `limited` when it has an `incomingAmount`."""
    account = new_account(
        AccountCode.INCOMING_PAYMENT, account_id=payment_id, ledger=ledger, asset_id=asset_id
    )
    if not limited:
        return (account,)
    allowance = new_account(
        AccountCode.INCOMING_ALLOWANCE,
        account_id=allowance_account_id(payment_id),
        ledger=ledger,
        asset_id=asset_id,
    )
    return account, allowance


def allowance_grant(*, payment_id: int, ledger: int, incoming_amount: int) -> Plan:
    """Fill a new incoming payment's allowance. A repeat with another amount: TRANSFER_EXISTS."""
    leg = _Leg(
        allowance_pool_account_id(ledger),
        allowance_account_id(payment_id),
        incoming_amount,
        ledger,
        TransferCode.ALLOWANCE,
        LegMeaning(),
    )
    return _plan(derive_id("allowance", payment_id), [leg], timeout_s=0, cause_id=payment_id)


def allowance_closing(*, payment_id: int, ledger: int, amount: int, attempt: int) -> Plan:
    """Take what is left of an incoming payment's allowance back, so that it accepts no more.

    It fails with INSUFFICIENT_BALANCE when a packet took some of it first: then look again and use
    the next attempt's number.
    """
    leg = _Leg(
        allowance_account_id(payment_id),
        allowance_pool_account_id(ledger),
        amount,
        ledger,
        TransferCode.ALLOWANCE,
        LegMeaning(),
    )
    transfer_id = derive_id("allowance closing", payment_id, attempt)
    return _plan(transfer_id, [leg], timeout_s=0, cause_id=payment_id)


def _within_asset(
    source: Side, destination: Side, source_amount: int, destination_amount: int
) -> list[_Leg]:
    ledger, code = source.ledger, TransferCode.TRANSFER
    direct = min(source_amount, destination_amount)
    meaning = (
        _SOURCE
        if source_amount <= 0
        else _SOURCE._replace(invalid_amount=TransferStatus.INVALID_DESTINATION_AMOUNT)
    )
    legs = [_Leg(source.account_id, destination.account_id, direct, ledger, code, meaning)]
    rest = source_amount - destination_amount
    if rest > 0:
        to_id = source.asset_account_id
        legs.append(_Leg(source.account_id, to_id, rest, ledger, code, _SOURCE))
    elif rest < 0:
        from_id = destination.asset_account_id
        legs.append(_Leg(from_id, destination.account_id, -rest, ledger, code, _DESTINATION))
    return legs


def _across_assets(
    source: Side, destination: Side, source_amount: int, destination_amount: int
) -> list[_Leg]:
    code = TransferCode.TRANSFER
    return [
        _Leg(
            source.account_id, source.asset_account_id, source_amount, source.ledger, code, _SOURCE
        ),
        _Leg(
            destination.asset_account_id,
            destination.account_id,
            destination_amount,
            destination.ledger,
            code,
            _DESTINATION,
        ),
    ]


def _plan(transfer_id: int, legs: Sequence[_Leg], *, timeout_s: int, cause_id: int) -> Plan:
    kind = TransferKind.PENDING if timeout_s else TransferKind.SINGLE
    chain = tuple(
        Transfer(
            id=transfer_id if at == 0 else derive_id("leg", transfer_id, at),
            debit_account_id=leg.debit_account_id,
            credit_account_id=leg.credit_account_id,
            amount=leg.amount,
            ledger=leg.ledger,
            code=int(leg.code),
            kind=kind,
            timeout_s=timeout_s,
            user_data_128=cause_id,
        )
        for at, leg in enumerate(legs)
    )
    return Plan(chain, tuple(leg.meaning for leg in legs))
