"""The chart of accounts: which kinds exist, with which limits, and how their ids come about.

Numbers are those of the TypeScript Rafiki, so that an operator's TigerBeetle data keeps its
meaning. Codes 6 and 102 are new: each incoming payment with an `incomingAmount` has an allowance
account that holds what it may still accept. Each packet moves its amount from the allowance back to
the asset's allowance pool in the same chain as the money, so that no more than `incomingAmount` is
ever accepted, whoever accepts it and however many packets are in flight.

Account code 7 and transfer code 5 are new as well: a packet to a peer reserves its money under code
5, and what a packet without a reply took from its source waits on an account of code 7 until it is
known who owns it (`ledger/packets.py`).
"""

from enum import IntEnum, unique
from typing import Final

from services.backend.ledger.model import Account, AccountFlags, NewAccount

ASSET_LEDGER_MAX: Final = 32_767  # a smallserial in Rafiki's database
_ALLOWANCE_POOL_BASE: Final = (
    1 << 32
)  # beside the settlement ids; a UUID's version bits keep row ids away from both


@unique
class AccountCode(IntEnum):
    """Kinds of account."""

    WALLET_ADDRESS = 1  # web monetization and SPSP balances
    ASSET = 2  # an asset's liquidity
    PEER = 3
    INCOMING_PAYMENT = 4
    OUTGOING_PAYMENT = 5
    INCOMING_ALLOWANCE = 6  # control: what an incoming payment may still accept
    UNKNOWN_WITH_PEER = 7  # what packets that a peer never answered took from their sources
    SETTLEMENT = 101  # the outside world, one per asset
    ALLOWANCE_POOL = 102  # control: where allowances come from and go to, one per asset


@unique
class TransferCode(IntEnum):
    """Kinds of transfer."""

    TRANSFER = 1
    DEPOSIT = 2
    WITHDRAWAL = 3
    ALLOWANCE = 4  # moves no money, only an incoming payment's allowance
    PACKET = 5  # reserved for a packet on its way to a peer, and what becomes of it


_NO_OVERDRAFT = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
_NO_SURPLUS = AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS

FLAGS: Final[dict[AccountCode, AccountFlags]] = {
    AccountCode.WALLET_ADDRESS: _NO_OVERDRAFT,
    AccountCode.ASSET: _NO_OVERDRAFT | AccountFlags.HISTORY,
    AccountCode.PEER: _NO_OVERDRAFT,
    AccountCode.INCOMING_PAYMENT: _NO_OVERDRAFT,
    AccountCode.OUTGOING_PAYMENT: _NO_OVERDRAFT,
    AccountCode.INCOMING_ALLOWANCE: _NO_OVERDRAFT,
    AccountCode.UNKNOWN_WITH_PEER: _NO_OVERDRAFT,
    AccountCode.SETTLEMENT: _NO_SURPLUS | AccountFlags.HISTORY,
    AccountCode.ALLOWANCE_POOL: _NO_SURPLUS,
}


def settlement_account_id(ledger: int) -> int:
    """Return the id of a ledger's settlement account: the ledger's own number."""
    return ledger


def allowance_pool_account_id(ledger: int) -> int:
    """Return the id of a ledger's allowance pool."""
    return _ALLOWANCE_POOL_BASE + ledger


def new_account(code: AccountCode, *, account_id: int, ledger: int, asset_id: int) -> NewAccount:
    """Describe an account of a kind, with the limits of that kind."""
    return NewAccount(account_id, ledger, int(code), FLAGS[code], asset_id)


def new_asset_accounts(*, asset_id: int, ledger: int) -> tuple[NewAccount, ...]:
    """Describe what an asset needs: liquidity, settlement and the allowance pool."""
    return (
        new_account(AccountCode.ASSET, account_id=asset_id, ledger=ledger, asset_id=asset_id),
        new_account(
            AccountCode.SETTLEMENT,
            account_id=settlement_account_id(ledger),
            ledger=ledger,
            asset_id=asset_id,
        ),
        new_account(
            AccountCode.ALLOWANCE_POOL,
            account_id=allowance_pool_account_id(ledger),
            ledger=ledger,
            asset_id=asset_id,
        ),
    )


def balance(account: Account) -> int:
    """Return what an account is good for, in the asset's smallest unit.

    Accounts that hold money: credits posted less debits posted and pending. Settlement and pool
    accounts, the other way round: debits posted and pending less credits posted.
    """
    debits = account.debits_posted + account.debits_pending
    if account.flags & AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS:
        return debits - account.credits_posted
    return account.credits_posted - debits


def is_settled(account: Account) -> bool:
    """Whether nothing is left on an account and nothing is pending; its history may be long."""
    pending = account.debits_pending or account.credits_pending
    return not pending and account.debits_posted == account.credits_posted
