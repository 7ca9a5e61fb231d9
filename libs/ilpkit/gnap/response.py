"""Grant, continuation and rotation responses (authorization server API).

A grant response is pending or approved, never both: two types, told apart by `interact`.
"""

from typing import Annotated, ClassVar, Final, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from ilpkit.gnap.shapes import GnapModel, Subject
from ilpkit.openpayments.access import Access
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.wire import HttpUrl, Omittable, Text, broken_rule, has_members

Seconds: TypeAlias = Annotated[int, Field(ge=0)]


class _ClosedModel(GnapModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class AccessToken(_ClosedModel):
    """An issued token (schema `access_token`, a closed object)."""

    value: Text
    manage: HttpUrl
    expires_in: Omittable[Seconds] = None
    access: Access


class ContinueToken(_ClosedModel):
    """The token that continues a grant."""

    value: Text


class Continue(_ClosedModel):
    """Where and when to continue; `wait` is in seconds."""

    access_token: ContinueToken
    uri: HttpUrl
    wait: Omittable[Seconds] = None


class InteractResponse(_ClosedModel):
    """Where to send the user; `finish` is the server's nonce for the interaction hash."""

    redirect: HttpUrl
    finish: Text


class PendingGrant(_ClosedModel):
    """A grant that waits for a user."""

    interact: InteractResponse
    continue_: Annotated[Continue, Field(alias="continue")]


class ApprovedGrant(_ClosedModel):
    """A grant issued at once."""

    access_token: AccessToken
    continue_: Annotated[Continue, Field(alias="continue")]


class ContinuationResponse(_ClosedModel):
    """After continuation: what was agreed, or only a new `wait` while it is pending."""

    access_token: Omittable[AccessToken] = None
    subject: Omittable[Subject] = None
    continue_: Annotated[Continue, Field(alias="continue")]


class RotationResponse(_ClosedModel):
    """POST /token/{id}."""

    access_token: AccessToken


def _state(value: object) -> str:
    pending = has_members(value, "interact")
    return "#pending" if pending or isinstance(value, PendingGrant) else "#approved"


def _refuse_both(value: object) -> object:
    if has_members(value, "interact", "access_token"):
        raise broken_rule("has interact beside access_token", "send one of them")
    return value


GrantResponse: TypeAlias = Annotated[
    Annotated[PendingGrant, Tag("#pending")] | Annotated[ApprovedGrant, Tag("#approved")],
    Discriminator(_state),
    BeforeValidator(_refuse_both),
]

GRANT_RESPONSE: Final = BodyKind(
    "grant response", cast("type[PendingGrant | ApprovedGrant]", GrantResponse)
)
CONTINUATION_RESPONSE: Final = BodyKind("continuation response", ContinuationResponse)
ROTATION_RESPONSE: Final = BodyKind("rotation response", RotationResponse)
