"""From pydantic's errors to one sentence: the field, the limit it broke, what to do.

Nothing of the body is repeated but property names, cut to a printable length.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.json_text import printable
from ilpkit.openpayments.wire import RULE_ERROR

_UNION_TAGS: Final = frozenset({"incoming-payment", "outgoing-payment", "quote"})
"""Pydantic puts the chosen form of a union into the path; so are tags that start with #."""

_SENTENCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "json_invalid": ("is not JSON: {error}", "send valid JSON text"),
        "missing": ("is required", "add it"),
        "extra_forbidden": ("is not a property of this body", "remove it"),
        "string_type": ("is not a string", "send it in double quotes"),
        "int_type": ("is not a whole number", "send a number without quotes"),
        "int_from_float": ("is not a whole number", "send a number without a fraction"),
        "bool_type": ("is not true or false", "send true or false"),
        "dict_type": ("is not an object", "send an object in {{ }}"),
        "model_type": ("is not an object", "send an object in {{ }}"),
        "model_attributes_type": ("is not an object", "send an object in {{ }}"),
        "tuple_type": ("is not a list", "send a list in [ ]"),
        "literal_error": ("is not {expected}", "send one of these"),
        "greater_than_equal": ("is less than {ge}", "send {ge} or more"),
        "less_than_equal": ("is more than {le}", "send {le} or less"),
        "too_short": ("has fewer than {min_length} items", "send at least {min_length}"),
        "too_long": ("has more than {max_length} items", "send at most {max_length}"),
        "string_too_short": (
            "has fewer than {min_length} characters",
            "send at least {min_length}",
        ),
        "string_too_long": ("has more than {max_length} characters", "send at most {max_length}"),
        "string_pattern_mismatch": ("does not match {pattern}", "send a text that matches"),
        "union_tag_not_found": ("has no type", "add its type"),
        "union_tag_invalid": ("has a type that is not {expected_tags}", "send one of these"),
        RULE_ERROR: ("{limit}", "{remedy}"),
    }
)
_FALLBACK: Final = ("has the wrong form", "send it as the API describes it")
_CONTEXT_CHARACTERS_MAX: Final = 200


def to_invalid_body(error: ValidationError) -> InvalidBody:
    """The first error, as one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    limit, remedy = _SENTENCES.get(first["type"], _FALLBACK)
    context = _context(first)
    return InvalidBody(
        field=_path(first["loc"]),
        limit=limit.format_map(context),
        remedy=remedy.format_map(context),
    )


def _context(error: ErrorDetails) -> dict[str, str]:
    context: Mapping[str, object] = error.get("ctx", {})
    return {name: str(value)[:_CONTEXT_CHARACTERS_MAX] for name, value in context.items()}


def _path(location: Sequence[int | str]) -> str:
    """`access[0].actions`; the body itself is `body`."""
    parts: list[str] = []
    for index, part in enumerate(location):
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif part.startswith("#") or (part in _UNION_TAGS and index + 1 < len(location)):
            continue
        else:
            parts.append(f".{printable(part)}" if parts else printable(part))
    return "".join(parts) or "body"
