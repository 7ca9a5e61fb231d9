"""The amount object of Open Payments and the Amount it stands for (schema `amount`).

`value` is a decimal string in the u64 range, in the smallest unit of the asset. One amount has one
spelling: no sign, no spaces, no leading zeros.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from ilpkit.money import ASSET_CODE_BYTES_MAX, ASSET_SCALE_MAX, U64_MAX, Amount, Asset
from ilpkit.openpayments.wire import WireModel, broken_rule

_U64_DIGITS_MAX = len(str(U64_MAX))
_DECIMAL = re.compile(r"0|[1-9][0-9]*")


def _u64_text(value: str) -> str:
    if len(value) > _U64_DIGITS_MAX or _DECIMAL.fullmatch(value) is None or int(value) > U64_MAX:
        raise broken_rule(
            f"is not a decimal number between 0 and {U64_MAX}",
            'send the count of smallest units as text, like "2500"',
        )
    return value


def _asset_code(value: str) -> str:
    if not 1 <= len(value.encode()) <= ASSET_CODE_BYTES_MAX:
        raise broken_rule(f"has not 1 to {ASSET_CODE_BYTES_MAX} bytes", 'send a code such as "USD"')
    return value


AssetCode = Annotated[str, AfterValidator(_asset_code)]
AssetScale = Annotated[int, Field(ge=0, le=ASSET_SCALE_MAX)]


class WireAmount(WireModel):
    """`{value, assetCode, assetScale}`."""

    value: Annotated[str, AfterValidator(_u64_text)]
    asset_code: AssetCode
    asset_scale: AssetScale

    def to_amount(self) -> Amount:
        """The same amount for calculation."""
        return Amount(int(self.value), Asset(code=self.asset_code, scale=self.asset_scale))

    @classmethod
    def of(cls, amount: Amount) -> "WireAmount":
        """The same amount for the wire."""
        return cls(
            value=str(amount.value),
            asset_code=amount.asset.code,
            asset_scale=amount.asset.scale,
        )
