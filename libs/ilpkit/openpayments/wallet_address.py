"""Wallet address and key set (wallet address API 1.3)."""

from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from ilpkit.httpsig.errors import InvalidKey
from ilpkit.httpsig.keys import PublicKey, parse_public_jwk
from ilpkit.openpayments.amounts import AssetCode, AssetScale
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.wire import HttpUrl, Omittable, Text, WireModel, broken_rule, has_members


class WalletAddress(WireModel):
    """GET {walletAddress}. `additionalProperties` and `cardService` are Rafiki's own additions."""

    id: HttpUrl
    public_name: Omittable[str] = None
    asset_code: AssetCode
    asset_scale: AssetScale
    auth_server: HttpUrl
    resource_server: HttpUrl
    card_service: Omittable[HttpUrl] = None
    additional_properties: Omittable[dict[str, str]] = None


class JsonWebKey(WireModel):
    """An Ed25519 public key, held to the rules of `httpsig.keys`; unknown members are ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    kid: Text
    alg: Literal["EdDSA"]
    use: Omittable[Literal["sig"]] = None
    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str

    @model_validator(mode="before")
    @classmethod
    def _refuse_private_half(cls, value: object) -> object:
        if has_members(value, "d"):
            raise broken_rule("holds its private half d", "replace that key, and publish only x")
        return value

    @model_validator(mode="after")
    def _check_point(self) -> "JsonWebKey":
        try:
            _ = self.to_key()
        except InvalidKey as error:
            raise _key_error(error) from None
        return self

    def to_key(self) -> PublicKey:
        """The key to verify signatures with."""
        return parse_public_jwk(self.model_dump())


def _key_error(error: InvalidKey) -> PydanticCustomError:
    return broken_rule(f"has an unusable {error.field}", f"send {error.expected}")


WALLET_ADDRESS: Final = BodyKind("wallet address", WalletAddress)
