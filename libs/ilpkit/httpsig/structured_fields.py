"""Structured fields as HTTP signatures need them: dictionaries, items, inner lists (RFC 8941).

Strict by the letter of RFC 8941 section 4.2, with one addition: a dictionary member keeps its raw
text, because the signature base must repeat the signer's own bytes and never a re-serialisation.
Top-level lists, dates and display strings (RFC 9651) occur in none of our fields and are refused.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, final

from ilpkit.httpsig.errors import InvalidStructuredField, UnsignableRequest

INTEGER_DIGITS_MAX = 15
"""RFC 8941 section 3.3.1."""
FIELD_CHARACTERS_MAX = 8192
"""A longer field value is refused unread; our longest field is under a tenth of this."""

_KEY = re.compile(r"[a-z*][a-z0-9_.*\-]*")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BOOLEAN = re.compile(r"\?[01]")
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]*))?")
_SPACES = re.compile(r" *")
_OPTIONAL_WHITESPACE = re.compile(r"[ \t]*")
_BACKSLASH_ESCAPE = re.compile(r"\\(.)")
_PLAIN_STRINGS = re.compile(r'\("([!#-\[\]-~]*(?:" "[!#-\[\]-~]*)*)"\)')
"""A list of strings without spaces, escapes or parameters: what nearly every client sends."""
_DECIMAL_INTEGER_DIGITS_MAX = 12
_DECIMAL_FRACTION_DIGITS_MAX = 3
_PRINTABLE_ASCII = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Token:
    """An sf-token (section 3.3.4)."""

    value: str


@dataclass(frozen=True, slots=True)
class Decimal:
    """An sf-decimal (section 3.3.2), exact: it has at most three fractional digits."""

    thousandths: int


BareItem: TypeAlias = bool | int | Decimal | str | Token | bytes
Parameters: TypeAlias = Mapping[str, BareItem]
_NO_PARAMETERS: Parameters = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Item:
    """A bare item with its parameters (section 3.3)."""

    value: BareItem
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class InnerList:
    """A parenthesised list of items with parameters of its own (section 3.1.1)."""

    items: tuple[Item, ...]
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Member:
    """One dictionary member; `raw` is the text after `=`, exactly as received."""

    key: str
    value: Item | InnerList
    raw: str


def parse_members(text: str, *, field: str) -> tuple[Member, ...]:
    """The members of an sf-dictionary in order, repeated keys included (section 4.2.2).

    `field` names the header in errors. Raises InvalidStructuredField.
    """
    reader = _Reader(text, field=field)
    members: list[Member] = []
    while not reader.at_end():
        members.append(reader.member())
        if not reader.next_member():
            break
    return tuple(members)


def parse_dictionary(text: str, *, field: str) -> dict[str, Member]:
    """An sf-dictionary by key; a repeated key keeps its last value, as section 4.2.2 says.

    Raises InvalidStructuredField.
    """
    return {member.key: member for member in parse_members(text, field=field)}


def parse_item(text: str, *, field: str) -> Item:
    """A whole field that is one sf-item (section 4.2.3). Raises InvalidStructuredField."""
    reader = _Reader(text, field=field)
    item = reader.item()
    reader.expect_end()
    return item


def parse_parameters(text: str, *, field: str) -> Parameters:
    """A text that is nothing but sf-parameters, `;a=1;b` (section 4.2.3.2).

    Raises InvalidStructuredField.
    """
    reader = _Reader(text, field=field)
    parameters = reader.parameters()
    reader.expect_end()
    return parameters


def serialise_string(value: str) -> str:
    """An sf-string in quotes (section 4.1.6). Raises UnsignableRequest outside printable ASCII."""
    if _PRINTABLE_ASCII.fullmatch(value) is None:
        raise UnsignableRequest("a structured field string is printable ASCII")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def serialise_bytes(value: bytes) -> str:
    """An sf-binary between colons (section 4.1.8)."""
    return f":{b64encode(value).decode()}:"


@final
class _Reader:
    """A cursor over one field value. Every method either advances or raises."""

    def __init__(self, text: str, *, field: str) -> None:
        self._field = field
        self._text = text
        self._position = 0
        if len(text) > FIELD_CHARACTERS_MAX:
            raise self._error(f"at most {FIELD_CHARACTERS_MAX} characters")
        if not text.isascii():
            raise self._error("ASCII characters only")
        self._text = text.rstrip(" ")
        self._skip(_SPACES)

    def _error(self, expected: str) -> InvalidStructuredField:
        return InvalidStructuredField(
            field=self._field, expected=f"{expected} at character {self._position}"
        )

    def _match(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        match = pattern.match(self._text, self._position)
        if match is None:
            raise self._error(expected)
        self._position = match.end()
        return match

    def _skip(self, optional: re.Pattern[str]) -> None:
        """Step over what may be there; the pattern matches the empty text too."""
        _ = self._match(optional, "")

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self, character: str) -> bool:
        taken = self._text.startswith(character, self._position)
        self._position += taken
        return taken

    def at_end(self) -> bool:
        return self._position == len(self._text)

    def expect_end(self) -> None:
        if not self.at_end():
            raise self._error("the end of the field")

    def next_member(self) -> bool:
        """Step over the comma between members; False at the end of the field."""
        self._skip(_OPTIONAL_WHITESPACE)
        if self.at_end():
            return False
        if not self._take(","):
            raise self._error("a comma between members")
        self._skip(_OPTIONAL_WHITESPACE)
        if self.at_end():
            raise self._error("a member after the last comma")
        return True

    def _key(self) -> str:
        return self._match(_KEY, "a key of lower-case letters, digits and _-.*").group()

    def member(self) -> Member:
        key = self._key()
        value: Item | InnerList
        valued = self._take("=")
        start = self._position
        if not valued:
            value = Item(value=True, parameters=self.parameters())
        elif self._peek() == "(":
            value = self._inner_list()
        else:
            value = self.item()
        return Member(key=key, value=value, raw=self._text[start : self._position])

    def _inner_list(self) -> InnerList:
        plain = _PLAIN_STRINGS.match(self._text, self._position)
        if plain is not None:
            self._position = plain.end()
            strings = tuple(Item(value, _NO_PARAMETERS) for value in plain[1].split('" "'))
            return InnerList(items=strings, parameters=self.parameters())
        self._position += 1
        items: list[Item] = []
        while True:
            self._skip(_SPACES)
            if self._take(")"):
                return InnerList(items=tuple(items), parameters=self.parameters())
            items.append(self.item())
            if self._peek() not in (" ", ")"):
                raise self._error("a space or ) after a list item")

    def item(self) -> Item:
        value = self._bare_item()
        return Item(value=value, parameters=self.parameters())

    def parameters(self) -> Parameters:
        parameters: dict[str, BareItem] = {}
        while self._take(";"):
            self._skip(_SPACES)
            key = self._key()
            parameters[key] = self._bare_item() if self._take("=") else True
        return parameters

    def _bare_item(self) -> BareItem:
        first = self._peek()
        if first == '"':
            quoted = self._match(_STRING, "a closed string of printable ASCII").group(1)
            return _BACKSLASH_ESCAPE.sub(r"\1", quoted)
        if first == ":":
            return self._bytes()
        if first == "?":
            return self._match(_BOOLEAN, "?0 or ?1").group() == "?1"
        if first.isdigit() or first == "-":
            return self._number()
        return Token(self._match(_TOKEN, "a string, number, token, byte sequence or ?0").group())

    def _bytes(self) -> bytes:
        encoded = self._match(_BYTES, "base64 between colons").group(1)
        try:
            return b64decode(encoded, validate=True)
        except binascii.Error:
            raise self._error("padded base64 between colons") from None

    def _number(self) -> int | Decimal:
        match = self._match(_NUMBER, "digits after -")
        sign = -1 if match.group(1) else 1
        whole, fraction = match.group(2), match.group(3)
        if fraction is None:
            if len(whole) > INTEGER_DIGITS_MAX:
                raise self._error(f"an integer of at most {INTEGER_DIGITS_MAX} digits")
            return sign * int(whole)
        if (
            len(whole) > _DECIMAL_INTEGER_DIGITS_MAX
            or not 1 <= len(fraction) <= _DECIMAL_FRACTION_DIGITS_MAX
        ):
            raise self._error("a decimal of at most 12 digits, a point and 1 to 3 digits")
        return Decimal(sign * int(whole + fraction.ljust(_DECIMAL_FRACTION_DIGITS_MAX, "0")))
