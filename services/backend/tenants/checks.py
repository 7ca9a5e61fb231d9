"""What a tenant's fields and settings may be."""

from collections.abc import Iterable
from typing import Final

from ilpkit.ilp.address import is_valid_address
from ilpkit.openpayments.urls import is_http_url

from services.backend.tenants.errors import invalid_field
from services.backend.tenants.model import SettingKey

SECRET_CHARACTERS_MIN: Final = 16
SECRET_CHARACTERS_MAX: Final = 1024
URL_CHARACTERS_MAX: Final = 2048
NUMBER_DIGITS_MAX: Final = 9
_NUMBERS: Final = frozenset({SettingKey.WEBHOOK_TIMEOUT, SettingKey.WEBHOOK_MAX_RETRY})


def checked_secret(field: str, secret: str) -> str:
    """A secret that signs calls; raises InvalidArgument."""
    if not SECRET_CHARACTERS_MIN <= len(secret) <= SECRET_CHARACTERS_MAX:
        rule = f"has {SECRET_CHARACTERS_MIN} to {SECRET_CHARACTERS_MAX} characters"
        raise invalid_field(field, rule)
    return secret


def checked_url(field: str, url: str | None) -> str | None:
    """An absolute URL or nothing; raises InvalidArgument."""
    if url is not None and (len(url) > URL_CHARACTERS_MAX or not is_http_url(url)):
        raise invalid_field(
            field, f"is an absolute http or https URL of at most {URL_CHARACTERS_MAX} characters"
        )
    return url


def clean_settings(settings: Iterable[tuple[str, str]]) -> dict[SettingKey, str]:
    """Settings as they are kept; an empty value means that the tenant has none of its own.

    Raises InvalidArgument for a key that is not known, and for a value that can't be used.
    """
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
        if not (value.isascii() and value.isdecimal() and len(value) <= NUMBER_DIGITS_MAX):
            raise invalid_field("settings", f"{key} is a whole number")
        return value
    if key is SettingKey.ILP_ADDRESS:
        if not is_valid_address(value):
            raise invalid_field("settings", f"{key} is an ILP address")
        return value
    if not is_http_url(value) or len(value) > URL_CHARACTERS_MAX:
        raise invalid_field("settings", f"{key} is an absolute http or https URL")
    return value.rstrip("/") if key is SettingKey.WALLET_ADDRESS_URL else value
