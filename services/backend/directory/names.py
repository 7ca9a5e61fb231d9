"""Which ILP addresses and wallet address URLs are whose, so that no two parties share any.

Rules of this file:
- The node has one ILP address and one URL; they are the operator's.
- A tenant's ILP address and its URL lie below the node's; those of two tenants don't overlap: none
  is another's or lies below it.
- A peer lies outside of the node's address, or below the address of the tenant that peers with it.
- A wallet address lies below its tenant's URL, and below no other tenant's.

All of it is checked under one lock of the database, in the transaction that writes the name: two
tenants that take a name at once can't both have it.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog
from ilpkit.ilp.address import has_prefix
from ilpkit.openpayments.urls import canonical_base
from servicekit.database import Database, ReadSession, WriteSession
from servicekit.errors import ServiceError

from services.backend.directory import repository as locks
from services.backend.peers import repository as peers
from services.backend.peers.errors import ilp_address_taken
from services.backend.tenants import repository as tenants
from services.backend.tenants.errors import (
    duplicate_setting,
    invalid_field,
    operator_is_fixed,
    peer_has_address,
)
from services.backend.tenants.model import NAME_KEYS, SettingKey, Tenant
from services.backend.wallet_addresses import repository as wallet_addresses
from services.backend.wallet_addresses.errors import wallet_address_of_another
from services.backend.wallet_addresses.hosting import covers, uses_reserved_path

_log = structlog.get_logger(__name__)


class Names:
    """The node's own names, and what follows for those of tenants and peers."""

    def __init__(self, *, ilp_address: str, open_payments_url: str) -> None:
        self._ilp_address = ilp_address
        self._url = canonical_base(open_payments_url)

    def ilp_address(self, tenant: Tenant) -> str:
        """A tenant's ILP address: its own setting, or one below the node's."""
        default = self._ilp_address if tenant.is_operator else f"{self._ilp_address}.{tenant.id}"
        return tenant.setting(SettingKey.ILP_ADDRESS) or default

    def wallet_address_base(self, tenant: Tenant) -> str:
        """What a tenant's wallet addresses begin with: its own setting, or below the node's URL."""
        default = self._url if tenant.is_operator else f"{self._url}/{tenant.id}"
        return tenant.setting(SettingKey.WALLET_ADDRESS_URL) or default

    def may_host(self, address: str, tenants: Iterable[Tenant]) -> bool:
        """Whether a canonical URL can be a wallet address of this node, whose tenants these are."""
        if address.startswith(f"{self._url}/"):
            return True
        # A tenant from before names were checked may have a URL outside of the node's.
        bases = (tenant.setting(SettingKey.WALLET_ADDRESS_URL) for tenant in tenants)
        return any(base is not None and f"{address}/".startswith(f"{base}/") for base in bases)

    async def lock(self, session: WriteSession) -> None:
        """Keep all names as they are until the transaction ends.

        It is taken before any row is: then nobody who holds a row waits for it.
        """
        await locks.lock_names(session)

    async def check_tenant(self, session: ReadSession, tenant: Tenant) -> None:
        """Refuse a tenant's names when they are another's.

        Raises:
            InvalidArgument: a name lies outside of the node's.
            AlreadyExists: a tenant, a peer or a wallet address has it.
            PermissionDenied: the operator's ILP address is the node's.
        """
        others = [
            other
            for other in await tenants.load_all(session)
            if other.id != tenant.id and not other.is_operator
        ]
        if tenant.is_operator:
            if tenant.setting(SettingKey.ILP_ADDRESS) not in {None, self._ilp_address}:
                raise operator_is_fixed("given another ILP address")
            self._check_base(tenant, others)
            return
        await self._check_ilp_address(session, tenant, others)
        self._check_base(tenant, others)
        base = self.wallet_address_base(tenant)
        if await wallet_addresses.foreign_below(session, base, tenant.id) is not None:
            raise duplicate_setting(SettingKey.WALLET_ADDRESS_URL)

    async def _check_ilp_address(
        self, session: ReadSession, tenant: Tenant, others: Iterable[Tenant]
    ) -> None:
        address, node = self.ilp_address(tenant), self._ilp_address
        if address == node or not has_prefix(address, node):
            raise invalid_field("settings", f"ILP_ADDRESS lies below {node}")
        if any(_overlap(address, self.ilp_address(other)) for other in others):
            raise duplicate_setting(SettingKey.ILP_ADDRESS)
        for owner, prefix in await peers.overlapping(session, address):
            if has_prefix(node, prefix):
                continue  # a way out of the node, such as a default route: own addresses go first
            if owner != tenant.id or not has_prefix(prefix, address) or prefix == address:
                raise peer_has_address(prefix)

    def _check_base(self, tenant: Tenant, others: Iterable[Tenant]) -> None:
        base = self.wallet_address_base(tenant)
        if not covers(self._url, base) or (base == self._url and not tenant.is_operator):
            raise invalid_field("settings", f"WALLET_ADDRESS_URL lies below {self._url}")
        if base != self._url and uses_reserved_path(base):
            raise invalid_field("settings", "WALLET_ADDRESS_URL leaves out what the API uses")
        for other in others:
            theirs = self.wallet_address_base(other)
            if covers(theirs, base) or (not tenant.is_operator and covers(base, theirs)):
                raise duplicate_setting(SettingKey.WALLET_ADDRESS_URL)

    async def check_peer(
        self, session: ReadSession, tenant_id: UUID, prefixes: Sequence[str]
    ) -> None:
        """Refuse a peer's addresses that a tenant or the node has; raises AlreadyExists."""
        held = {self.ilp_address(tenant): tenant.id for tenant in await tenants.load_all(session)}
        for prefix in prefixes:
            above = [address for address in held if has_prefix(prefix, address)]
            longest = max(above, key=len, default=None)
            if longest is not None and (longest == prefix or held[longest] != tenant_id):
                raise ilp_address_taken(prefix)
            inside = has_prefix(prefix, self._ilp_address)
            if inside and any(has_prefix(address, prefix) for address in held):
                raise ilp_address_taken(prefix)

    async def check_wallet_address(
        self, session: WriteSession, tenant_id: UUID, address: str
    ) -> None:
        """Refuse a wallet address below another tenant's URL; raises AlreadyExists.

        Until the transaction ends no tenant can take a URL above it.
        """
        await locks.share_names(session)
        if await tenants.holder_of_url(session, address, node_url=self._url, but=tenant_id):
            raise wallet_address_of_another(address)

    async def report(self, database: Database) -> list[str]:
        """Log which tenants have names, from before they were checked, that would be refused."""
        found = []
        async with database.read() as session:
            for tenant in await tenants.load_all(session):
                if not NAME_KEYS.intersection(tenant.settings):
                    continue
                try:
                    await self.check_tenant(session, tenant)
                except ServiceError as error:
                    _log.error("tenant_names_overlap", tenant=str(tenant.id), why=error.message)
                    found.append(f"{tenant.id}: {error.message}")
        return found


def _overlap(one: str, other: str) -> bool:
    return has_prefix(one, other) or has_prefix(other, one)
