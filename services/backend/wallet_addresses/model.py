"""A wallet address: the public name of an account."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.backend.assets.model import Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalProperty:
    """A property kept with a wallet address."""

    key: str
    value: str
    visible: bool
    """Whether the public sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddress:
    """A wallet address; its id is also its ledger account's."""

    id: UUID
    tenant_id: UUID
    asset_id: UUID
    address: str
    """Its URL, in the spelling of `canonical_wallet_address`."""
    public_name: str | None
    additional_properties: tuple[AdditionalProperty, ...]
    deactivated_at: datetime | None
    created_at: datetime

    def is_active(self, now: datetime) -> bool:
        """Whether it can be used now."""
        return self.deactivated_at is None or now < self.deactivated_at


@dataclass(frozen=True, slots=True)
class WalletAddressView:
    """A wallet address with its asset."""

    wallet_address: WalletAddress
    asset: Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddressKey:
    """An Ed25519 public key bound to a wallet address."""

    id: UUID
    wallet_address_id: UUID
    kid: str
    x: str
    """The key, base64url without padding."""
    revoked: bool
    created_at: datetime

    @property
    def jwk(self) -> dict[str, str]:
        """As a JSON Web Key."""
        return {"kid": self.kid, "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": self.x}


@dataclass(frozen=True, slots=True)
class WalletAddressWithKeys:
    """A wallet address and its keys that are not revoked, oldest first."""

    wallet_address: WalletAddress
    keys: tuple[WalletAddressKey, ...]

    @property
    def characters(self) -> int:
        """About how much text it holds."""
        own = self.wallet_address
        texts = [own.address, own.public_name or ""]
        texts += [text for each in own.additional_properties for text in (each.key, each.value)]
        texts += [text for key in self.keys for text in (key.kid, key.x)]
        return sum(map(len, texts))
