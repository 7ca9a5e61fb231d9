"""What holds for every field of every request message, checked in one place.

Text holds no NUL (Postgres can't store one) and is bounded; numbers in JSON values are finite;
timestamps and durations are within the range that protobuf gives them. That text is UTF-8 without
lone surrogates is protobuf's own rule, kept when a message is decoded.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from servicekit.errors import InvalidArgument

TEXT_BYTES_MAX: Final = 2_048
"""Of one text field: as long as a URL may be, and short enough for an index of Postgres."""

_Path = tuple[str, ...]
_SECONDS: Final = {
    # https://protobuf.dev/reference/protobuf/google.protobuf: years 1 to 9999, 10,000 years.
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
}
_NANOS_BELOW: Final = 1_000_000_000
_JSON: Final = frozenset(
    {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}
)


def check_message(message: Any, encoded: bytes) -> None:
    """Raise InvalidArgument that names the first field against the rules.

    Args:
        message: a decoded request.
        encoded: the bytes it was decoded from. Where they are short and hold no NUL, no field can
            be too long or hold one, which spares most calls the walk through their text.
    """
    plain = len(encoded) <= TEXT_BYTES_MAX and b"\0" not in encoded
    if plain and not _has_ranges(message.DESCRIPTOR):
        return
    for path, problem in _problems(message, ()):
        field = ".".join(path)
        raise InvalidArgument(
            "INVALID_FIELD",
            f"{field} {problem}",
            field=field,
            metadata={"field": field, "limit": str(TEXT_BYTES_MAX)},
        )


def _problems(message: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    name = message.DESCRIPTOR.full_name
    if name in _SECONDS:
        yield from _out_of_range(message, path)
    elif name in _JSON:
        yield from _json_problems(message, path)
    else:
        for field, value in message.ListFields():
            if field.type not in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE}:
                continue
            if not field.is_repeated:
                yield from _value_problems(value, (*path, field.name))
                continue
            for index, item in enumerate(value):
                yield from _value_problems(item, (*path, f"{field.name}[{index}]"))


def _value_problems(value: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    if not isinstance(value, str):
        yield from _problems(value, path)
        return
    yield from _nul_problems(value, path)
    if len(value.encode()) > TEXT_BYTES_MAX:
        yield path, f"is longer than {TEXT_BYTES_MAX} bytes"


def _json_problems(message: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    """Of a Struct, a Value or a ListValue; the length of its text is bounded by the message's."""
    match message.DESCRIPTOR.name:
        case "Struct":
            for key, value in message.fields.items():
                yield from _nul_problems(key, (*path, "(a name)"))
                yield from _json_problems(value, (*path, _printable(key)))
        case "ListValue":
            for index, value in enumerate(message.values):
                yield from _json_problems(value, (*path[:-1], f"{path[-1]}[{index}]"))
        case "Value":
            kind = message.WhichOneof("kind")
            if kind == "string_value":
                yield from _nul_problems(message.string_value, path)
            elif kind == "number_value" and not isfinite(message.number_value):
                yield path, "is no finite number"
            elif kind in {"struct_value", "list_value"}:
                yield from _json_problems(getattr(message, kind), path)


def _nul_problems(text: str, path: _Path) -> Iterator[tuple[_Path, str]]:
    if "\0" in text:
        yield path, "holds the character NUL, which no text may hold"


def _out_of_range(message: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    least, most = _SECONDS[message.DESCRIPTOR.full_name]
    if not least <= message.seconds <= most or abs(message.nanos) >= _NANOS_BELOW:
        yield path, f"is out of the range of a {message.DESCRIPTOR.name}"


def _printable(key: str) -> str:
    """A name in a JSON object, fit for an error message."""
    return "".join(c if c.isprintable() else "?" for c in key[:64])


_ranges: dict[str, bool] = {}


def _has_ranges(descriptor: Descriptor) -> bool:
    """Whether a message type holds times or JSON numbers at any depth."""
    known = _ranges.get(descriptor.full_name)
    if known is None:
        seen, open_ = set[str](), [descriptor]
        while open_:
            current = open_.pop()
            if current.full_name not in seen:
                seen.add(current.full_name)
                open_ += [f.message_type for f in current.fields if f.message_type is not None]
        known = _ranges[descriptor.full_name] = bool(seen & (_SECONDS.keys() | _JSON))
    return known
