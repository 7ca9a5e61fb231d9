"""Grant and continuation requests (authorization server API: POST /, POST /continue/{id})."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from ilpkit.gnap.shapes import GnapModel, Subject
from ilpkit.openpayments.access import Access
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.wallet_address import JsonWebKey
from ilpkit.openpayments.wire import (
    HttpUrl,
    Omittable,
    RedirectUri,
    Text,
    WireModel,
    broken_rule,
)

START_METHODS_MAX: Final = 8


class WalletAddressClient(WireModel):
    """A client known by its wallet address, where its keys are published."""

    wallet_address: HttpUrl


class JwkClient(WireModel):
    """A client known by its key alone (directed identity); only for grants without interaction."""

    jwk: JsonWebKey


def _client_form(value: object) -> str:
    if isinstance(value, str):
        return "#text"
    if isinstance(value, JwkClient) or (
        isinstance(value, Mapping) and "jwk" in value and "walletAddress" not in value
    ):
        return "#jwk"
    return "#walletAddress"


Client: TypeAlias = Annotated[
    Annotated[HttpUrl, Tag("#text")]
    | Annotated[WalletAddressClient, Tag("#walletAddress")]
    | Annotated[JwkClient, Tag("#jwk")],
    Discriminator(_client_form),
]
"""A wallet address URL as text is deprecated and still what the TypeScript client sends."""


class AccessTokenRequest(GnapModel):
    """The access wanted."""

    access: Access


class InteractFinish(GnapModel):
    """Where the browser returns to. Without it the client polls."""

    method: Literal["redirect"]
    uri: RedirectUri
    nonce: Text
    hash_method: Omittable[Literal["sha-256"]] = None
    """RFC 9635 section 2.5.2; asking for another one is refused, since it would not be used."""


class InteractRequest(GnapModel):
    """How the client can bring a user to the authorisation server."""

    start: Annotated[
        tuple[Literal["redirect"], ...],
        Field(min_length=1, max_length=START_METHODS_MAX, strict=False),
    ]
    finish: Omittable[InteractFinish] = None


class GrantRequest(GnapModel):
    """POST to the grant endpoint: access, or a subject with interaction, or both."""

    client: Client
    access_token: Omittable[AccessTokenRequest] = None
    subject: Omittable[Subject] = None
    interact: Omittable[InteractRequest] = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> "GrantRequest":
        if self.access_token is None and self.subject is None:
            raise broken_rule("has neither access_token nor subject", "add one of them")
        if self.access_token is None and self.interact is None:
            raise broken_rule(
                "asks for a subject without interact", "add interact, as a user must agree"
            )
        return self

    @property
    def client_wallet_address(self) -> str | None:
        """The client's wallet address in either of its two forms, None for a JWK client."""
        if isinstance(self.client, str):
            return self.client
        return None if isinstance(self.client, JwkClient) else self.client.wallet_address

    @property
    def client_jwk(self) -> JsonWebKey | None:
        """The key of a directed identity client."""
        return self.client.jwk if isinstance(self.client, JwkClient) else None


class ContinuationRequest(GnapModel):
    """POST to the continuation URI; an empty body, a poll, is the caller's to tell apart."""

    interact_ref: Omittable[Text] = None


GRANT_REQUEST: Final = BodyKind("grant request", GrantRequest)
CONTINUATION_REQUEST: Final = BodyKind("continuation request", ContinuationRequest)
