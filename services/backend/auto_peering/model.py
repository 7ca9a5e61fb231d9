"""The two messages of auto-peering, as the TypeScript Rafiki has them on the wire."""

from typing import Annotated, Final

from ilpkit.money import U64_MAX
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

TEXT_MAX: Final = 2048
"""Characters of a URL, an address, a token or a name."""
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]


class _Message(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True, extra="ignore"
    )


class OfferedAsset(_Message):
    """What is to be exchanged."""

    code: Text
    scale: int


class PeeringRequest(_Message):
    """What a node that asks says of itself."""

    static_ilp_address: Text
    ilp_connector_url: Text
    asset: OfferedAsset
    http_token: Text
    """That it will present with its packets."""
    max_packet_amount: Annotated[int, Field(ge=0, le=U64_MAX)] | None = None
    """The most that it wants to be sent in a packet; the original sends null for no wish."""
    name: str | None = Field(None, max_length=TEXT_MAX)


class PeeringDetails(_Message):
    """What a node that was asked says of itself."""

    static_ilp_address: Text
    ilp_connector_url: Text
    http_token: Text
    """That it will present with its packets."""
    name: str | None = Field(None, max_length=TEXT_MAX)
    tenant_id: str | None = Field(None, max_length=TEXT_MAX)
