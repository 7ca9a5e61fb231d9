"""What a tenant's fields may be."""

import pytest
from ilpkit.openpayments.urls import URL_CHARACTERS_MAX
from servicekit.errors import InvalidArgument

from services.backend.tenants.checks import (
    SECRET_CHARACTERS_MAX,
    SECRET_CHARACTERS_MIN,
    checked_secret,
    checked_url,
    clean_settings,
)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("WEBHOOK_URL", " https://t.test/hooks/ ", "https://t.test/hooks/"),
        ("WALLET_ADDRESS_URL", "https://t.test/", "https://t.test"),
        ("WALLET_ADDRESS_URL", "https://T.test:443//%61/", "https://t.test/a"),
        ("EXCHANGE_RATES_URL", "http://t.test/rates?key=1", "http://t.test/rates?key=1"),
        ("WEBHOOK_TIMEOUT", "2000", "2000"),
        ("WEBHOOK_MAX_RETRY", "0", "0"),
        ("ILP_ADDRESS", "g.bank.tenant", "g.bank.tenant"),
        ("WEBHOOK_URL", "", ""),
    ],
)
def test_a_setting_is_kept_in_its_form(key: str, value: str, kept: str) -> None:
    assert clean_settings([(key, value)]) == {key: kept}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("webhook_url", "https://t.test"),
        ("WEBHOOK_URL", "t.test"),
        ("WEBHOOK_URL", "ftp://t.test"),
        ("EXCHANGE_RATES_URL", "ftp://t.test"),
        ("WALLET_ADDRESS_URL", "ftp://t.test"),
        ("WEBHOOK_URL", f"https://t.test/{'x' * URL_CHARACTERS_MAX}"),
        ("WEBHOOK_TIMEOUT", "-1"),
        ("WEBHOOK_TIMEOUT", "1.5"),
        ("WEBHOOK_TIMEOUT", "\u0663"),
        ("WEBHOOK_TIMEOUT", "0"),
        ("WEBHOOK_TIMEOUT", "20001"),
        ("WEBHOOK_MAX_RETRY", "101"),
        ("WEBHOOK_MAX_RETRY", "9999999999"),
        ("ILP_ADDRESS", "test.bank." + "x" * 512),
        ("WALLET_ADDRESS_URL", "https://t.test/a/../b"),
        ("WALLET_ADDRESS_URL", "https://t.test/a?b=c"),
        ("ILP_ADDRESS", "bank"),
    ],
)
def test_a_setting_that_can_not_be_used_is_refused(key: str, value: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        clean_settings([(key, value)])
    assert refused.value.field == "settings"


def test_the_last_of_two_values_counts() -> None:
    assert clean_settings([("WEBHOOK_TIMEOUT", "1"), ("WEBHOOK_TIMEOUT", "2")]) == {
        "WEBHOOK_TIMEOUT": "2"
    }


def test_a_secret_has_its_bounds() -> None:
    assert checked_secret("api_secret", "s" * SECRET_CHARACTERS_MAX)
    assert checked_secret("api_secret", "s" * SECRET_CHARACTERS_MIN)
    for secret in ("", "s" * (SECRET_CHARACTERS_MIN - 1), "s" * (SECRET_CHARACTERS_MAX + 1)):
        with pytest.raises(InvalidArgument) as refused:
            checked_secret("api_secret", secret)
        assert refused.value.field == "api_secret"
        assert "ss" not in refused.value.message


def test_a_url_is_absolute_or_absent() -> None:
    assert checked_url("idp_consent_url", None) is None
    assert checked_url("idp_consent_url", "https://t.test/c") == "https://t.test/c"
    with pytest.raises(InvalidArgument):
        checked_url("idp_consent_url", "/c")
