"""Conversions between protobuf's common messages and our values, for servicers."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from ilpkit.errors import ProtocolError
from ilpkit.money import Amount, Asset
from ilpkit.openpayments.json_text import SAFE_INTEGER_MAX
from rafiki.common.v1 import money_pb2
from servicekit.errors import InvalidArgument
from servicekit.messages import moment, optional, page_info, page_query, timestamp

__all__ = [
    "amount",
    "moment",
    "optional",
    "page_info",
    "page_query",
    "struct",
    "timestamp",
    "to_amount",
    "to_json",
]


def amount(value: int, asset: Asset) -> money_pb2.Amount:
    """An amount for the wire."""
    return money_pb2.Amount(value=value, asset_code=asset.code, asset_scale=asset.scale)


def to_amount(message: money_pb2.Amount) -> Amount:
    """An amount from the wire; raises InvalidArgument when its asset can't be one."""
    try:
        return Amount(message.value, Asset(message.asset_code, message.asset_scale))
    except ProtocolError as error:
        raise InvalidArgument("INVALID_AMOUNT", str(error)) from None


def struct(value: dict[str, Any]) -> Struct:
    """A JSON object for the wire."""
    message = Struct()
    message.update(value)
    return message


def to_json(message: Struct) -> dict[str, Any]:
    """A JSON object from the wire; whole numbers become integers again."""
    return {key: _whole(value) for key, value in MessageToDict(message).items()}


def _whole(value: Any) -> Any:
    # Beyond that range a double stands for the digits that it prints as, not for an integer's.
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE_INTEGER_MAX:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value
