import pytest

from deploy.local.banks import BANKS, RATES, money


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        (0, 2, "0.00 USD"),
        (5, 2, "0.05 USD"),
        (-5, 2, "-0.05 USD"),
        (123_456_789, 2, "1,234,567.89 USD"),
        (7, 0, "7 USD"),
        (1, 9, "0.000000001 USD"),
    ],
)
def test_amounts_are_written_exactly(units: int, scale: int, text: str) -> None:
    assert money(units, "USD", scale) == text


def test_every_bank_finds_rates_between_all_assets() -> None:
    codes = {bank.asset_code for bank in BANKS}
    assert set(RATES) == codes
    assert all(set(rates) == codes for rates in RATES.values())
