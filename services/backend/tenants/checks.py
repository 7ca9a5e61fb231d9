"""What a tenant's fields and settings may be."""

from collections.abc import Iterable
from typing import Final

from ilpkit.ilp.address import is_valid_address
from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import URL_CHARACTERS_MAX, canonical_base, is_http_url

from services.backend.tenants.errors import invalid_field
from services.backend.tenants.model import SettingKey

SECRET_CHARACTERS_MIN: Final = 16
SECRET_CHARACTERS_MAX: Final = 1024
SETTINGS_MAX: Final = 32
ILP_ADDRESS_CHARACTERS_MAX: Final = 512
"""Leaves half of an address's 1023 characters to payments."""
WEBHOOK_TIMEOUT_MS_MAX: Final = 20_000
"""Less than the time that the worker gives any delivery."""
WEBHOOK_RETRIES_MAX: Final = 100
_NUMBERS: Final = {
    SettingKey.WEBHOOK_TIMEOUT: (1, WEBHOOK_TIMEOUT_MS_MAX),
    SettingKey.WEBHOOK_MAX_RETRY: (0, WEBHOOK_RETRIES_MAX),
}
_DIGITS_MAX: Final = 9


def checked_secret(field: str, secret: str) -> str:
    """A secret that signs calls; raises InvalidArgument."""
    if not SECRET_CHARACTERS_MIN <= len(secret) <= SECRET_CHARACTERS_MAX:
        rule = f"has {SECRET_CHARACTERS_MIN} to {SECRET_CHARACTERS_MAX} characters"
        raise invalid_field(field, rule)
    return secret


def checked_url(field: str, url: str | None) -> str | None:
    """An absolute URL or nothing; raises InvalidArgument."""
    if url is not None and not is_http_url(url):
        raise invalid_field(
            field, f"is an absolute http or https URL of at most {URL_CHARACTERS_MAX} characters"
        )
    return url


def clean_settings(settings: Iterable[tuple[str, str]]) -> dict[SettingKey, str]:
    """Settings as they are kept; an empty value means that the tenant has none of its own.

    Raises InvalidArgument for a key that is not known, and for a value that can't be used.
    """
    settings = list(settings)
    if len(settings) > SETTINGS_MAX:
        raise invalid_field("settings", f"are at most {SETTINGS_MAX}")
    return {key: _cleaned(key, value.strip()) for key, value in map(_known, settings)}


def _known(setting: tuple[str, str]) -> tuple[SettingKey, str]:
    key, value = setting
    try:
        return SettingKey(key), value
    except ValueError:
        raise invalid_field("settings", f"are {', '.join(SettingKey)}, not {key!r}") from None


def _cleaned(key: SettingKey, value: str) -> str:
    if not value:
        return value
    if key in _NUMBERS:
        least, most = _NUMBERS[key]
        digits = value.isascii() and value.isdecimal() and len(value) <= _DIGITS_MAX
        if not digits or not least <= int(value) <= most:
            raise invalid_field("settings", f"{key} is a whole number from {least} to {most}")
        return value
    if key is SettingKey.ILP_ADDRESS:
        if not is_valid_address(value) or len(value) > ILP_ADDRESS_CHARACTERS_MAX:
            limit = f"{key} is an ILP address of at most {ILP_ADDRESS_CHARACTERS_MAX} characters"
            raise invalid_field("settings", limit)
        return value
    if not is_http_url(value):
        limit = f"{key} is an absolute http or https URL of at most {URL_CHARACTERS_MAX} characters"
        raise invalid_field("settings", limit)
    return _base(value) if key is SettingKey.WALLET_ADDRESS_URL else value


def _base(url: str) -> str:
    try:
        return canonical_base(url)
    except InvalidWalletAddress as invalid:
        raise invalid_field("settings", f"WALLET_ADDRESS_URL {invalid.limit}") from None
