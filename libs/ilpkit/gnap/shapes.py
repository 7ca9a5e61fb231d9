"""Parts that GNAP requests and responses share. GNAP names are snake_case on the wire."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from ilpkit.openpayments.wire import Text, WireModel


class GnapModel(WireModel):
    """The base of GNAP shapes.

    Members we do not know are ignored, as the API's schemas allow and as GNAP extensions need; the
    access items, clients and limits inside stay closed.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", alias_generator=None)


class SubjectIdentifier(GnapModel):
    """One subject identifier; the only format is a URI (RFC 9493 section 3.2.7)."""

    id: Text
    format: Literal["uri"]


class Subject(GnapModel):
    """Exactly one subject identifier."""

    sub_ids: Annotated[
        tuple[SubjectIdentifier, ...], Field(min_length=1, max_length=1, strict=False)
    ]
