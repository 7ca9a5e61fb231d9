"""What a form was sent with, and what is wrong with it, field by field."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from servicekit.errors import Kind, ServiceError

from services.frontend.ui.money import AmountRefused, parse_units

TEXT_CHARACTERS_MAX: Final = 2_048
MESSAGE_INTERNAL: Final = (
    "Something went wrong on our side, and it has been logged. You can send the form again."
)
# The outcome is unknown: sending again under the same key can do nothing twice.
_UNKNOWN_OUTCOME: Final = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE, Kind.INTERNAL})
_WHOLE: Final = re.compile(r"\d{1,20}", re.ASCII)
T = TypeVar("T")


class Form:
    """Values by field name, and an error beside each field that has one."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values: dict[str, str] = dict(values or {})
        self.errors: dict[str, str] = {}
        self.problem: str | None = None
        """What is wrong with the form as a whole."""
        self.keep_key = False
        """Whether a repeat must carry the same idempotency key."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors and self.problem is None

    @property
    def key(self) -> str:
        """The idempotency key that the form was rendered with; refuses others."""
        text = self.values.get("key", "")
        try:
            return str(UUID(text))
        except ValueError:
            self.problem = "The form was incomplete. Please send it again."
            return ""

    def text(self, name: str, *, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
        """A text that must be there."""
        value = self.optional_text(name, characters_max=characters_max)
        if value is None and name not in self.errors:
            self.errors[name] = "This field is required"
        return value or ""

    def optional_text(self, name: str, *, characters_max: int = TEXT_CHARACTERS_MAX) -> str | None:
        """A text, or None when it is empty."""
        value = self.values.get(name, "").strip()
        if len(value) > characters_max:
            self.errors[name] = f"Enter at most {characters_max} characters"
        return value or None

    def lines(self, name: str) -> list[str]:
        """Texts, one a line."""
        value = self.optional_text(name) or ""
        return [line.strip() for line in value.splitlines() if line.strip()]

    def whole(self, name: str, *, low: int, high: int) -> int:
        """An integer between two bounds, which must be there."""
        value = self.text(name)
        if value and (not _WHOLE.fullmatch(value) or not low <= int(value) <= high):
            self.errors[name] = f"Enter a whole number between {low} and {high}"
            return low
        return int(value) if value else low

    def amount(self, name: str, scale: int) -> int:
        """An amount in the asset's units, which must be there and more than zero."""
        if not self.text(name):
            return 0
        units = self.optional_amount(name, scale)
        if units == 0:
            self.errors[name] = "Enter an amount greater than zero"
        return units or 0

    def optional_amount(self, name: str, scale: int) -> int | None:
        """An amount in the asset's units, or None when it is empty."""
        value = self.optional_text(name)
        if value is None:
            return None
        try:
            return parse_units(value, scale)
        except AmountRefused as refused:
            self.errors[name] = str(refused)
            return None

    def url(self, name: str) -> str:
        """An http or https URL, which must be there."""
        value = self.text(name)
        if value and not is_url(value):
            self.errors[name] = "Enter a URL like https://example.com/path"
        return value

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        """One of the options that the form offers."""
        value = self.text(name)
        if value and value not in options:
            self.errors[name] = "Choose one of the options"
        return value

    def confirm(self, name: str, expected: str) -> None:
        """A word that shows that the user means it."""
        if self.text(name) not in ("", expected):
            self.errors[name] = f"Enter {expected} to confirm"

    async def attempt(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """Make the call when nothing is wrong; its refusal becomes the form's error."""
        if not self.ok:
            return None
        try:
            return await call()
        except ServiceError as error:
            self.absorb(error)
            return None

    def absorb(self, error: ServiceError) -> None:
        """Show a refusal beside the field at fault, or above the form."""
        self.keep_key = error.kind in _UNKNOWN_OUTCOME
        message = MESSAGE_INTERNAL if error.kind is Kind.INTERNAL else _sentence(error.message)
        if error.field in self.values:
            self.errors[str(error.field)] = message
        else:
            self.problem = message


def is_url(text: str) -> bool:
    """Whether a text is an http or https URL with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
