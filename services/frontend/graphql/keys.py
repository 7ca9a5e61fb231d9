"""Public keys bound to wallet addresses."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum

import strawberry
from rafiki.admin.v1 import wallet_address_service_pb2 as pb

from services.frontend.graphql.common import Model, mutation
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo
from services.frontend.graphql.scalars import iso


@strawberry.enum
class Alg(Enum):
    """Signature algorithm."""

    EdDSA = "EdDSA"


@strawberry.enum
class Kty(Enum):
    """Key type."""

    OKP = "OKP"


@strawberry.enum
class Crv(Enum):
    """Curve."""

    Ed25519 = "Ed25519"


@strawberry.type(description="A public key (RFC 7517).")
class Jwk:
    """A public key (RFC 7517)."""

    kid: str
    x: str
    alg: Alg
    kty: Kty
    crv: Crv


@strawberry.type(description="A public key bound to a wallet address.")
class WalletAddressKey(Model):
    """A public key bound to a wallet address."""

    id: strawberry.ID
    wallet_address_id: strawberry.ID
    jwk: Jwk
    revoked: bool
    created_at: str


@strawberry.type
class WalletAddressKeyEdge:
    """A key in a page."""

    node: WalletAddressKey
    cursor: str


@strawberry.type
class WalletAddressKeyConnection:
    """A page of keys."""

    page_info: PageInfo
    edges: list[WalletAddressKeyEdge]


@strawberry.input
class JwkInput:
    """A public key (RFC 7517)."""

    kid: str
    x: str
    alg: Alg
    kty: Kty
    crv: Crv


@strawberry.input
class CreateWalletAddressKeyInput:
    """A new key."""

    wallet_address_id: str
    jwk: JwkInput
    idempotency_key: str | None = None


@strawberry.input
class RevokeWalletAddressKeyInput:
    """Which key."""

    id: str
    idempotency_key: str | None = None


@strawberry.type
class CreateWalletAddressKeyMutationResponse:
    """The new key."""

    wallet_address_key: WalletAddressKey | None


@strawberry.type
class RevokeWalletAddressKeyMutationResponse:
    """The revoked key."""

    wallet_address_key: WalletAddressKey | None


def wallet_address_key_node(message: pb.WalletAddressKey) -> WalletAddressKey:
    """A key from the wire."""
    return WalletAddressKey(
        id=strawberry.ID(message.id),
        wallet_address_id=strawberry.ID(message.wallet_address_id),
        jwk=Jwk(kid=message.kid, x=message.x, alg=Alg.EdDSA, kty=Kty.OKP, crv=Crv.Ed25519),
        revoked=message.revoked,
        created_at=iso(message.created_at),
    )


@strawberry.type
class KeyMutation:
    """Changes to keys."""

    @mutation
    async def create_wallet_address_key(
        self, info: Info, input: CreateWalletAddressKeyInput
    ) -> CreateWalletAddressKeyMutationResponse | None:
        """Bind a public key to a wallet address."""
        message = await info.context.clients.wallet_addresses.CreateWalletAddressKey(
            pb.CreateWalletAddressKeyRequest(
                tenant_id=info.context.scope(),
                wallet_address_id=input.wallet_address_id,
                kid=input.jwk.kid,
                x=input.jwk.x,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return CreateWalletAddressKeyMutationResponse(
            wallet_address_key=wallet_address_key_node(message)
        )

    @mutation
    async def revoke_wallet_address_key(
        self, info: Info, input: RevokeWalletAddressKeyInput
    ) -> RevokeWalletAddressKeyMutationResponse | None:
        """Revoke a key."""
        message = await info.context.clients.wallet_addresses.RevokeWalletAddressKey(
            pb.RevokeWalletAddressKeyRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return RevokeWalletAddressKeyMutationResponse(
            wallet_address_key=wallet_address_key_node(message)
        )
