"""The URLs that this node hands out and answers to."""

from urllib.parse import urlsplit
from uuid import UUID

from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_base, canonical_wallet_address

from services.backend.directory.names import Names
from services.backend.directory.worker import Directory


class Urls:
    """Builds and recognises the node's own URLs."""

    def __init__(
        self,
        *,
        open_payments_url: str,
        node_wallet_address: str,
        auth_server_url: str,
        directory: Directory,
        names: Names,
    ) -> None:
        self._open_payments_url = open_payments_url
        self._canonical_url = canonical_base(open_payments_url)
        self.node_wallet_address = node_wallet_address
        """Who this node is as a client of other banks; its key is published below it."""
        self._auth_server_url = auth_server_url
        self._directory = directory
        self._names = names

    @property
    def public_origin(self) -> str:
        """Scheme and authority of the resource server, as clients sign them."""
        parts = urlsplit(self._open_payments_url)
        return f"{parts.scheme}://{parts.netloc}"

    def auth_server(self, tenant_id: UUID) -> str:
        """The GNAP grant endpoint of a tenant."""
        return f"{self._auth_server_url}/{tenant_id}"

    def resource_server(self, tenant_id: UUID) -> str:
        """The resource server's base for a tenant."""
        return f"{self._open_payments_url}/{tenant_id}"

    def wallet_address_base(self, tenant_id: UUID) -> str:
        """What a tenant's wallet addresses begin with."""
        return self._names.wallet_address_base(self._directory.snapshot.tenants[tenant_id].tenant)

    def wallet_address_of_path(self, path: str) -> str:
        """The wallet address URL that a path of the public listener stands for."""
        return f"{self.public_origin}/{path.strip('/')}"

    def incoming_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of an incoming payment."""
        return f"{self.resource_server(tenant_id)}/incoming-payments/{payment_id}"

    def outgoing_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of an outgoing payment."""
        return f"{self.resource_server(tenant_id)}/outgoing-payments/{payment_id}"

    def quote(self, tenant_id: UUID, quote_id: UUID) -> str:
        """URL of a quote."""
        return f"{self.resource_server(tenant_id)}/quotes/{quote_id}"

    def local_incoming_payment(self, url: str) -> tuple[UUID, UUID] | None:
        """Tenant and payment of one of our own incoming payments' URLs, else None."""
        prefix = f"{self._canonical_url}/"
        try:
            canonical = canonical_wallet_address(url)
        except InvalidWalletAddress:
            return None
        if not canonical.startswith(prefix):
            return None
        parts = canonical.removeprefix(prefix).split("/")
        if len(parts) != 3 or parts[1] != "incoming-payments":  # noqa: PLR2004 - tenant, collection, id
            return None
        try:
            return UUID(parts[0]), UUID(parts[2])
        except ValueError:
            return None
