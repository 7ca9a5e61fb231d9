"""What all wire shapes share: a frozen base that knows only its own properties, and field types.

Names are camelCase on the wire. An absent optional property is left out, never null; a received
null is refused, as the API's schemas do.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, ClassVar, Final, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from ilpkit.openpayments import urls

TEXT_CHARACTERS_MAX: Final = 2048
"""Names, nonces and references; the API sets no limit, a store must."""
CURSOR_CHARACTERS_MAX: Final = 2048

RULE_ERROR: Final = "open_payments_rule"
"""The pydantic error type of our own rules; its context holds `limit` and `remedy`."""

_T = TypeVar("_T")
_RFC_3339 = re.compile(
    r"""
    (\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?
    (?:[Zz]|([+-])(\d{2}):(\d{2}))
    """,
    re.ASCII | re.VERBOSE,
)
_MICROSECOND_DIGITS = 6


class WireModel(BaseModel):
    """The base of every request and response shape."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    def to_json(self) -> bytes:
        """The body to send: camelCase, UTF-8, absent properties left out."""
        return self.model_dump_json(by_alias=True).encode()


def broken_rule(limit: str, remedy: str) -> PydanticCustomError:
    """An error for a validator to raise: `limit` continues a sentence that names the field."""
    return PydanticCustomError(RULE_ERROR, "{limit}", {"limit": limit, "remedy": remedy})


def has_members(value: object, *names: str) -> bool:
    """Whether the value, of whatever type, is an object with all these members."""
    return isinstance(value, Mapping) and all(name in value for name in names)


def _refuse_null(value: object, info: ValidationInfo) -> object:
    """Python code may say None for "absent"; on the wire absent is absent."""
    if value is None and info.mode == "json":
        raise broken_rule("is null", "leave it out instead")
    return value


def _is_none(value: object) -> bool:
    return value is None


# Pydantic hands a "before" validator Python values, and lists below it arrive as Python lists: a
# tuple that may sit below an optional property therefore carries strict=False.
Omittable = Annotated[_T | None, BeforeValidator(_refuse_null), Field(exclude_if=_is_none)]
"""An optional property: give it the default None, and it is left out while it is None."""


def _checked(check: Callable[[str], bool], limit: str, remedy: str) -> AfterValidator:
    def validate(value: str) -> str:
        if not check(value):
            raise broken_rule(limit, remedy)
        return value

    return AfterValidator(validate)


HttpUrl: TypeAlias = Annotated[
    str,
    _checked(
        urls.is_http_url,
        f"is not an http or https URL of at most {urls.URL_CHARACTERS_MAX} characters",
        "send an absolute URL, percent-encoded",
    ),
]
RedirectUri: TypeAlias = Annotated[
    str,
    _checked(
        urls.is_redirect_uri,
        f"is not an absolute URI of at most {urls.URL_CHARACTERS_MAX} characters",
        "send an absolute URI that a browser can open",
    ),
]
Receiver: TypeAlias = Annotated[
    str,
    _checked(
        urls.is_receiver,
        "is not the URL of an incoming payment",
        "send https://…/incoming-payments/{id}",
    ),
]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
Metadata: TypeAlias = dict[str, JsonValue]


def parse_timestamp(text: str) -> datetime | None:
    """An RFC 3339 date-time with its offset, in UTC and cut to microseconds; None if it is not one.

    A leap second (`:60`) is not accepted: no clock here can name it.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    fraction = (match[7] or "").ljust(_MICROSECOND_DIGITS, "0")[:_MICROSECOND_DIGITS]
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    try:
        zone = timezone(-offset if match[8] == "-" else offset)
        local = datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, cut: `2026-03-12T23:20:50.520Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_timestamp(value: object) -> datetime:
    moment = parse_timestamp(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise broken_rule("is not an RFC 3339 date-time", "send 2026-03-12T23:20:50Z")
    return moment


Timestamp: TypeAlias = Annotated[
    datetime, PlainValidator(_to_timestamp), PlainSerializer(format_timestamp, return_type=str)
]
"""A moment with its offset; written in UTC with milliseconds, as JavaScript does."""
