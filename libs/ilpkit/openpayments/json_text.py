"""JSON text checks that come before any shape: RFC 8259, read strictly.

Repeated names, NaN, numbers beyond a double and deep nesting are refused: two parsers may read them
differently, and a signed body must mean one thing. Requests are also refused for a number that a
double does not keep: it would be stored as another one, and nobody would notice.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn, cast

from ilpkit.openpayments.errors import InvalidBody

DEPTH_MAX: Final = 32
"""Levels of arrays and objects in a body; the deepest shape of ours has six."""
SAFE_INTEGER_MAX: Final = 2**53
"""Up to here a double has every integer."""
FIELD_CHARACTERS_MAX: Final = 64
"""How much of a name from the body is repeated in an error."""

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_OPENING = (b"[", b"{")
_CLOSING = (b"]", b"}")


def json_object(raw: bytes, *, exact_numbers: bool = False) -> dict[str, object]:
    """The members of the one JSON object, with a single meaning, that the bytes are.

    Raises InvalidBody.

    With `exact_numbers` each number must be one that a double keeps.
    """
    if not raw.strip():
        raise _refused("is empty", "send a JSON object")
    _check_depth(raw)
    try:
        value = cast(
            "object",
            json.loads(
                raw.decode(),
                object_pairs_hook=_unique_pairs,
                parse_constant=_no_constant,
                parse_float=_finite,
            ),
        )
    except UnicodeDecodeError:
        raise _refused("is not UTF-8", "encode it as UTF-8") from None
    except json.JSONDecodeError as error:
        limit = f"is not JSON at line {error.lineno}, column {error.colno}"
        raise _refused(limit, "send a JSON object") from None
    except ValueError:
        raise _refused("holds a number that is too long", "send a shorter number") from None
    if not isinstance(value, dict):
        raise _refused("is not a JSON object", "send an object in { }")
    members = cast("dict[str, object]", value)
    if exact_numbers and (field := inexact_number(members)) is not None:
        raise _refused(
            "is a number that would change when it is stored, as it has too many digits",
            "send it as a string",
            field=field,
        )
    return members


def inexact_number(value: object, path: str = "") -> str | None:
    """The path of the first number in a JSON value that a double does not keep, else None."""
    members: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        named = cast("Mapping[str, object]", value)
        members = ((f"{path}.{printable(name)}", item) for name, item in named.items())
    elif isinstance(value, list):
        listed = cast("list[object]", value)
        members = ((f"{path}[{index}]", item) for index, item in enumerate(listed))
    elif isinstance(value, _InexactFloat) or (isinstance(value, int) and not _kept(value)):
        return path.lstrip(".")
    found = (inexact_number(item, at) for at, item in members)
    return next((field for field in found if field is not None), None)


def printable(name: str) -> str:
    """A name from a body, short and on one line, for use in an error."""
    shown = name if name.isprintable() else ascii(name)[1:-1]
    return shown[:FIELD_CHARACTERS_MAX]


def _refused(limit: str, remedy: str, field: str = "body") -> InvalidBody:
    return InvalidBody(field=field, limit=limit, remedy=remedy)


def _check_depth(raw: bytes) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(raw):
        token = match.group()
        if token in _OPENING:
            depth += 1
            if depth > DEPTH_MAX:
                raise _refused(
                    f"is nested deeper than {DEPTH_MAX} levels", "send a flatter structure"
                )
        elif token in _CLOSING:
            depth -= 1


def _unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        repeated = next(name for name, count in counts.items() if count > 1)
        raise _refused("appears more than once", "send it once", field=printable(repeated))
    return members


def _no_constant(name: str) -> NoReturn:
    raise _refused(f"holds {name}, which is not JSON", "send a number or leave it out")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _refused("holds a number beyond the range of a double", "send a smaller number")
    return number if _digits(text) == _digits(repr(number)) else _InexactFloat(number)


class _InexactFloat(float):
    """What is left of a number that was written with more digits than a double keeps."""


def _kept(number: int) -> bool:
    """Whether a double prints as this integer again."""
    if -SAFE_INTEGER_MAX <= number <= SAFE_INTEGER_MAX:
        return True
    try:
        return _digits(str(number)) == _digits(repr(float(number)))
    except OverflowError:
        return False


def _digits(numeral: str) -> tuple[str, int]:
    """The significant digits of a number without its sign, and the power of ten they count."""
    mantissa, _, exponent = numeral.lower().lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    power = int(exponent or 0) - len(fraction) + len(digits) - len(significant)
    return significant, power if significant else 0
