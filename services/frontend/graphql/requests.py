"""GraphQL arguments as the request of an RPC, written by the request's own descriptor."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from servicekit.errors import InvalidArgument

from services.frontend.graphql.names import prefix_of, snake_case
from services.frontend.graphql.scalars import struct, timestamp

UINT32_MAX: Final = 2**32 - 1
Convert: TypeAlias = Callable[[Any], Any]


def argument(given: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of the arguments, None where a part of it is absent."""
    value: Any = given
    for name in path.split("."):
        if value is None:
            return None
        value = value.get(name)
    return value


def put(message: Message, field: Any, value: Any, label: str) -> None:
    """Set a field to what a client gave; raises InvalidArgument that names the label."""
    kind = field.message_type
    if kind is None:
        _put_scalar(message, field, value, label)
    elif kind.full_name == Timestamp.DESCRIPTOR.full_name:
        getattr(message, field.name).CopyFrom(timestamp(value, label))
    elif kind.full_name == Struct.DESCRIPTOR.full_name:
        getattr(message, field.name).CopyFrom(struct(value))
    elif field.is_repeated:
        for item in value:
            _put_all(getattr(message, field.name).add(), item)
    else:
        inner = getattr(message, field.name)
        inner.SetInParent()
        if isinstance(value, list):
            # A list whose absence means something is wrapped in a message of one field.
            put(inner, kind.fields[0], value, label)
        else:
            _put_all(inner, value)


def _put_all(message: Message, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if value is not None:
            put(message, message.DESCRIPTOR.fields_by_name[snake_case(name)], value, name)


def _put_scalar(message: Message, field: FieldDescriptor, value: Any, label: str) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(_scalar(field, item, label) for item in value)
    else:
        setattr(message, field.name, _scalar(field, value, label))


def _scalar(field: FieldDescriptor, value: Any, label: str) -> Any:
    if field.enum_type is not None:
        return enum_number(field.enum_type, value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.encode()
    if field.type == FieldDescriptor.TYPE_UINT32 and not 0 <= value <= UINT32_MAX:
        raise InvalidArgument(
            "INVALID_FIELD", f"{label} lies between 0 and {UINT32_MAX}", field=label
        )
    return value


def enum_number(kind: EnumDescriptor, value: str) -> int:
    """The number of a value that GraphQL has without the enum's prefix."""
    return int(kind.values_by_name[prefix_of(kind) + value].number)
