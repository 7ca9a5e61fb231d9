"""Amounts in the metadata of an error, which is text, and as REST and GraphQL clients read them.

Open Payments and the Admin API show an amount as `{value, assetCode, assetScale}` under its name in
camel case, for example `minSendAmount`.
"""

from collections.abc import Mapping
from typing import Any, Final

_AMOUNTS: Final[Mapping[str, str]] = {"min_send_amount": "minSendAmount"}
_CODE: Final = "asset_code"
_SCALE: Final = "asset_scale"


def amount_metadata(name: str, value: int, asset_code: str, asset_scale: int) -> dict[str, str]:
    """The metadata of an error that names an amount."""
    assert name in _AMOUNTS, "clients are shown this amount under another name"
    return {name: str(value), _CODE: asset_code, _SCALE: str(asset_scale)}


def error_details(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What clients read as `details`: the metadata, with its amount as an object."""
    details: dict[str, Any] = dict(metadata)
    name = next((name for name in _AMOUNTS if name in metadata), None)
    if name is None or not metadata.get(_SCALE, "").isdecimal():
        return details
    details[_AMOUNTS[name]] = {
        "value": details.pop(name),
        "assetCode": details.pop(_CODE, ""),
        "assetScale": int(details.pop(_SCALE)),
    }
    return details
