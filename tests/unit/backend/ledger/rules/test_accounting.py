from services.backend.ledger.model import Account, AccountFlags, TransferKind
from services.backend.ledger.rules.accounting import (
    Side,
    allowance_account_id,
    allowance_grant,
    deposit,
    posting,
    transfer,
    voiding,
    withdrawal,
)
from services.backend.ledger.rules.chart import (
    FLAGS,
    AccountCode,
    TransferCode,
    allowance_pool_account_id,
    balance,
    new_asset_accounts,
    settlement_account_id,
)

EUR = Side(account_id=1001, ledger=5, asset_account_id=500)
EUR_TOO = Side(account_id=1002, ledger=5, asset_account_id=500)
USD = Side(account_id=1003, ledger=6, asset_account_id=600)


def test_codes_and_flags_are_those_of_the_typescript_rafiki() -> None:
    assert {code.name: int(code) for code in AccountCode} == {
        "WALLET_ADDRESS": 1,
        "ASSET": 2,
        "PEER": 3,
        "INCOMING_PAYMENT": 4,
        "OUTGOING_PAYMENT": 5,
        "INCOMING_ALLOWANCE": 6,
        "UNKNOWN_WITH_PEER": 7,
        "SETTLEMENT": 101,
        "ALLOWANCE_POOL": 102,
    }
    assert [int(code) for code in TransferCode] == [1, 2, 3, 4, 5]
    limits = {code: int(flags) & 0b110 for code, flags in FLAGS.items()}
    assert {code for code, limit in limits.items() if limit == 4} == {
        AccountCode.SETTLEMENT,
        AccountCode.ALLOWANCE_POOL,
    }
    assert set(limits.values()) == {2, 4}
    history = {code for code, flags in FLAGS.items() if flags & AccountFlags.HISTORY}
    assert history == {AccountCode.ASSET, AccountCode.SETTLEMENT}


def test_account_ids_follow_from_rows_and_ledgers() -> None:
    accounts = new_asset_accounts(asset_id=500, ledger=5)
    assert [account.id for account in accounts] == [500, 5, 5 + 2**32]
    assert settlement_account_id(5) == 5


def test_balances_of_liquidity_and_settlement_mirror_each_other() -> None:
    liquidity = Account(1, 5, 2, FLAGS[AccountCode.ASSET], 0, 0, 0, 3, 10, 50, 40, 1)
    settlement = Account(5, 5, 101, FLAGS[AccountCode.SETTLEMENT], 0, 0, 0, 3, 40, 50, 10, 1)
    assert balance(liquidity) == 40 - 10 - 3
    assert balance(settlement) == 40 - 10 + 3


def test_deposit_and_withdrawal_mirror_each_other() -> None:
    names = {"transfer_id": 9, "account_id": 1001, "ledger": 5, "amount": 3}
    (into,) = deposit(**names).chain
    (out,) = withdrawal(**names, timeout_s=60, cause_id=77).chain
    assert (into.debit_account_id, into.credit_account_id) == (5, 1001)
    assert (out.debit_account_id, out.credit_account_id) == (1001, 5)
    assert (into.code, into.kind, into.timeout_s) == (2, TransferKind.SINGLE, 0)
    assert (out.code, out.kind, out.timeout_s, out.user_data_128) == (
        3,
        TransferKind.PENDING,
        60,
        77,
    )


def test_a_transfer_within_an_asset_has_a_leg_for_the_difference() -> None:
    def legs(sent: int, received: int) -> list[tuple[int, int, int]]:
        plan = transfer(
            transfer_id=9,
            source=EUR,
            destination=EUR_TOO,
            source_amount=sent,
            destination_amount=received,
        )
        return [(leg.debit_account_id, leg.credit_account_id, leg.amount) for leg in plan.chain]

    assert legs(10, 10) == [(1001, 1002, 10)]
    assert legs(10, 8) == [(1001, 1002, 8), (1001, 500, 2)]
    assert legs(10, 13) == [(1001, 1002, 10), (500, 1002, 3)]


def test_a_packet_across_assets_with_an_allowance_has_three_legs() -> None:
    plan = transfer(
        transfer_id=9,
        source=EUR,
        destination=USD,
        source_amount=10,
        destination_amount=11,
        allowance_account_id=allowance_account_id(1003),
    )
    assert [leg[1:6] for leg in plan.chain] == [
        (1001, 500, 10, 5, 1),
        (600, 1003, 11, 6, 1),
        (allowance_account_id(1003), allowance_pool_account_id(6), 11, 6, 4),
    ]
    assert plan.chain[0].id == 9
    assert len({leg.id for leg in plan.chain}) == 3
    assert plan.pending_ids == ()


def test_ids_follow_from_the_first_one() -> None:
    def plan(transfer_id: int) -> list[int]:
        made = transfer(
            transfer_id=transfer_id,
            source=EUR,
            destination=USD,
            source_amount=1,
            destination_amount=1,
            timeout_s=5,
        )
        resolved = [*posting(made.pending_ids).chain, *voiding(made.pending_ids).chain]
        return [leg.id for leg in (*made.chain, *resolved)]

    assert plan(9) == plan(9)
    assert len({*plan(9), *plan(10)}) == 12


def test_an_allowance_comes_from_the_pool() -> None:
    (leg,) = allowance_grant(payment_id=1003, ledger=6, incoming_amount=70).chain
    assert leg[1:6] == (
        allowance_pool_account_id(6),
        allowance_account_id(1003),
        70,
        6,
        TransferCode.ALLOWANCE,
    )
