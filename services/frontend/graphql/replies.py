"""Protobuf messages as GraphQL objects: one reader for each field, found from both contracts.

A field shows the message's field of the same name. Where the message has none and the schema wants
an object, the object is another view of the same message: an edge's `node`, a mutation's `asset`.
What is left is told by the rows of `fields`. A field that has nothing fails when the schema is
built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_non_null_type,
    is_object_type,
)

from services.frontend.clients import METHODS
from services.frontend.graphql.context import AdminContext
from services.frontend.graphql.names import prefix_of, snake_case
from services.frontend.graphql.operation import Call, Choice, Chosen, NotOffered, Operation
from services.frontend.graphql.scalars import iso, json_object

Read: TypeAlias = Callable[[Any], Any]
"""What a message has to show."""
Readers: TypeAlias = dict[Descriptor, Read]
_CONVERSIONS: Final[Mapping[str, Read]] = {
    Timestamp.DESCRIPTOR.full_name: iso,
    Struct.DESCRIPTOR.full_name: json_object,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A field that no message has under its name."""

    read: Callable[[Any, AdminContext], Any]
    """Of what it is a field of."""
    to: Descriptor | None = None
    """The kind of message that it gives."""
    part: str | None = None
    """Where that message is in what is given, when it is only a part of it."""


Row: TypeAlias = Operation | Choice | Shown | NotOffered


def asked(row: Row) -> MethodDescriptor | None:
    """The RPC that a row begins with."""
    operation = row.otherwise if isinstance(row, Choice) else row
    return METHODS[operation.rpc] if isinstance(operation, Operation) else None


class Reading:
    """Gives the fields of a schema's object types their resolvers."""

    def __init__(
        self,
        *,
        fields: Mapping[str, Row],
        otherwise: Mapping[str, Shown],
    ) -> None:
        """A reading by these rows.

        Args:
            fields: by `Type.field`, before what the message has.
            otherwise: by `field`, of all types whose messages have no such field.
        """
        self._fields = fields
        self._otherwise = otherwise
        self._readers: dict[tuple[str, str], Readers] = {}
        self._seen: set[tuple[str, Descriptor]] = set()

    def bind(self, shown: GraphQLObjectType, message: Descriptor, part: str | None = None) -> None:
        """Let a type, and what it leads to, be read from a kind of message.

        Raises TypeError for a field that the message can't answer.
        """
        if (shown.name, message) in self._seen:
            return
        self._seen.add((shown.name, message))
        for name, field in shown.fields.items():
            row = self._fields.get(f"{shown.name}.{name}")
            if row is None and snake_case(name) not in message.fields_by_name:
                row = self._otherwise.get(name)
            if row is not None:
                self.attach(f"{shown.name}.{name}", field, row)
            else:
                self._bind_field(shown, name, field, message, part)

    def attach(self, name: str, field: GraphQLField, row: Row) -> None:
        """Give a field what its row says."""
        if isinstance(row, Operation):
            call = Call(row, name, field)
            field.resolve = call.resolve
            self._lead(field, call.answer, None)
        elif isinstance(row, Choice):
            chosen = Chosen(row, name, field)
            field.resolve = chosen.resolve
            for answer in chosen.answers:
                self._lead(field, answer, None)
        elif isinstance(row, Shown):
            read = row.read
            field.resolve = lambda source, info: read(source, info.context)
            if row.to is not None:
                self._lead(field, row.to, row.part)
        else:
            field.resolve = _refuser(row)

    def _lead(self, field: GraphQLField, message: Descriptor, part: str | None) -> None:
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLObjectType):
            self.bind(inner, message, part)

    def _bind_field(
        self,
        shown: GraphQLObjectType,
        name: str,
        field: GraphQLField,
        message: Descriptor,
        part: str | None,
    ) -> None:
        known = message.fields_by_name.get(snake_case(name))
        if known is not None:
            read, nested = _reader(known, nullable=not is_non_null_type(field.type))
        elif name == "edges":
            read, nested = _rows(message)
        elif is_object_type(get_named_type(field.type)):
            read, nested = _itself, (message,)
        else:
            raise TypeError(f"{shown.name}.{name} has no reader for {message.full_name}")
        readers = self._readers.setdefault((shown.name, name), {})
        readers[message] = read
        field.resolve = _resolver(readers, part)
        for kind in nested:
            self._lead(field, kind, None)


def _resolver(readers: Readers, part: str | None) -> Callable[..., Any]:
    """Shows a message's field; most types are read from one kind of message."""
    if len(readers) > 1:
        return lambda message, _info: readers[message.DESCRIPTOR](message)
    (read,) = readers.values()
    if part is not None:
        return lambda source, _info: read(getattr(source, part))
    return lambda message, _info: read(message)


def _refuser(row: NotOffered) -> Callable[..., Any]:
    def refuse(_source: Any, _info: Any, **_arguments: Any) -> None:
        raise row.error()

    return refuse


def _reader(field: FieldDescriptor, *, nullable: bool) -> tuple[Read, tuple[Descriptor, ...]]:
    """The reader of a message's field, and the kind of message that it gives, if any."""
    name, kind = field.name, field.message_type
    read: Read = attrgetter(name)
    if kind is not None and kind.full_name in _CONVERSIONS:
        convert = _CONVERSIONS[kind.full_name]
        return _if_there(name, lambda message: convert(getattr(message, name)), nullable), ()
    if kind is not None:
        return (read if field.is_repeated else _if_there(name, read, nullable)), (kind,)
    if field.enum_type is not None:
        prefix = prefix_of(field.enum_type)
        names = {value.number: value.name.removeprefix(prefix) for value in field.enum_type.values}
        return lambda message: names[getattr(message, name)], ()
    return (_if_there(name, read, nullable) if field.has_presence else read), ()


def _if_there(name: str, read: Read, nullable: bool) -> Read:
    """None for a field that is absent, where the schema has a place for that."""
    if not nullable:
        return read
    return lambda message: read(message) if message.HasField(name) else None


def _rows(message: Descriptor) -> tuple[Read, tuple[Descriptor, ...]]:
    """The rows of a page: the one list of the reply; of rows of several kinds, what each holds."""
    (rows,) = (field for field in message.fields if field.is_repeated)
    read: Read = attrgetter(rows.name)
    row = rows.message_type
    assert row is not None
    if len(row.oneofs) != 1 or len(row.oneofs[0].fields) != len(row.fields):
        return read, (row,)
    choice = row.oneofs[0].name
    return (
        lambda reply: [getattr(item, item.WhichOneof(choice)) for item in read(reply)],
        tuple(field.message_type for field in row.fields if field.message_type is not None),
    )


def _itself(message: Any) -> Any:
    return message
