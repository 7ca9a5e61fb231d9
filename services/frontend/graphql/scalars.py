"""Scalars of the Admin API, and the conversions between protobuf's values and GraphQL's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from graphql import GraphQLError
from ilpkit.openpayments.json_text import SAFE_INTEGER_MAX, inexact_number
from servicekit.errors import InvalidArgument

UINT8_MAX: Final = 2**8 - 1
UINT64_MAX: Final = 2**64 - 1
JSON_DEPTH_MAX: Final = 32
_UINT64_DIGITS_MAX: Final = 20


def _parse_uint8(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= UINT8_MAX:
        return value
    raise GraphQLError(f"UInt8 is an integer between 0 and {UINT8_MAX}")


def _parse_uint64(value: object) -> int:
    """A decimal string, or a number; a float only when it stands for one exact integer."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value) if len(value) <= _UINT64_DIGITS_MAX else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= UINT64_MAX:
        return value
    raise GraphQLError(f"UInt64 is an integer between 0 and {UINT64_MAX}, best as a string")


def _parse_json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GraphQLError("JSONObject is an object")
    return value


@dataclass(frozen=True, slots=True)
class Scalar:
    """How values come in and go out."""

    parse: Callable[[object], Any]
    show: Callable[[Any], Any]


SCALARS: Final[Mapping[str, Scalar]] = {
    "UInt8": Scalar(_parse_uint8, int),
    "UInt64": Scalar(_parse_uint64, str),
    "JSONObject": Scalar(_parse_json_object, lambda value: value),
}


def iso(stamp: Timestamp) -> str:
    """A Timestamp as JavaScript writes dates: UTC, with milliseconds."""
    return stamp.ToDatetime().isoformat(timespec="milliseconds") + "Z"


def timestamp(text: str, field: str) -> Timestamp:
    """An ISO 8601 text with its offset as a Timestamp; raises InvalidArgument."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidArgument(
            "INVALID_FIELD", f"{field} is a date like 2030-01-31T12:00:00Z", field=field
        )
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp


def struct(value: Mapping[str, Any]) -> Struct:
    """A client's JSON object for the wire, where numbers are doubles.

    Raises InvalidArgument for one nested too deep, or with an integer that a double does not keep.
    """
    _check_depth(value, JSON_DEPTH_MAX)
    if (field := inexact_number(dict(value), "metadata")) is not None:
        raise InvalidArgument(
            "INVALID_FIELD",
            f"{field} has more digits than a number here keeps; send it as a string",
            field=field,
        )
    message = Struct()
    message.update(value)
    return message


def json_object(message: Struct) -> dict[str, Any]:
    """A JSON object from the wire; whole numbers become integers again."""
    return {key: _json(value) for key, value in message.fields.items()}


def _json(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return json_object(value.struct_value)
    if kind == "list_value":
        return [_json(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= SAFE_INTEGER_MAX else number
    return None if kind in (None, "null_value") else getattr(value, kind)


def _check_depth(value: object, left: int) -> None:
    if left == 0:
        raise InvalidArgument(
            "INVALID_FIELD", f"an object nests at most {JSON_DEPTH_MAX} deep", field="metadata"
        )
    if isinstance(value, Mapping):
        for item in value.values():
            _check_depth(item, left - 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, left - 1)
