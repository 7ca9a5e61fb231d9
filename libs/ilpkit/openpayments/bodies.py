"""From raw bytes to a typed body, or to one sentence that says what to change.

`validate_body` is for requests: unknown properties are refused, because a client that sends one
believes that it has an effect. `read_response` is for other servers' replies: theirs may be newer
than ours, so unknown properties are dropped.
"""

from typing import Generic, Literal, TypeVar, final

from pydantic import TypeAdapter, ValidationError

from ilpkit.openpayments.body_errors import to_invalid_body
from ilpkit.openpayments.json_text import json_object

_T = TypeVar("_T")


@final
class BodyKind(Generic[_T]):
    """One shape of body, by a name that logs can show."""

    def __init__(self, name: str, shape: type[_T]) -> None:
        self.name = name
        self._adapter: TypeAdapter[_T] = TypeAdapter(shape)

    def parse(self, raw: bytes, *, unknown: Literal["ignore"] | None) -> _T:
        """The body out of strict JSON. Raises InvalidBody.

        Unknown properties fare as each shape says, or are ignored.
        """
        try:
            return self._adapter.validate_json(raw, extra=unknown, by_alias=True, by_name=False)
        except ValidationError as error:
            raise to_invalid_body(error) from None


def validate_body(kind: BodyKind[_T], raw: bytes) -> _T:
    """A request body. Raises InvalidBody with field, limit and remedy."""
    _ = json_object(raw, exact_numbers=True)
    return kind.parse(raw, unknown=None)


def read_response(kind: BodyKind[_T], raw: bytes) -> _T:
    """Another server's response body; properties we do not know are dropped. Raises InvalidBody."""
    _ = json_object(raw)
    return kind.parse(raw, unknown="ignore")
