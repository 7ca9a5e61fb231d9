"""Routes and rates as the packet path uses them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ilpkit.ilp.address import is_valid_address
from ilpkit.money import Amount, Asset, Ratio
from servicekit.clock import Clock
from servicekit.errors import InvalidArgument

from services.backend.directory.model import OwnRoute, PeerRoute, Route, TenantEntry
from services.backend.directory.worker import Directory
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.rules.chart import balance
from services.backend.quotes.errors import rate_unavailable
from services.backend.rates.service import Rates
from services.backend.routing.model import (
    Explanation,
    Priced,
    explain_hop,
    explain_local,
    explain_no_route,
)
from services.backend.tenants.errors import unknown_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRate:
    """A rate and its age."""

    rate: Ratio
    fetched_at_ms: int


class RoutingService:
    """Reads the directory and the rates."""

    def __init__(
        self, *, directory: Directory, rates: Rates, ledger: LedgerReader, clock: Clock
    ) -> None:
        self._directory = directory
        self._rates = rates
        self._ledger = ledger
        self._clock = clock

    def routes(self, tenant_id: UUID) -> Sequence[PeerRoute]:
        """A tenant's routes, longest prefix first; raises NotFound."""
        self._tenant(tenant_id)
        table = self._directory.snapshot.routes(tenant_id)
        prefixes = sorted(table, key=lambda prefix: (-len(prefix), prefix))
        found = ((prefix, table.get(prefix)) for prefix in prefixes)
        return [PeerRoute(prefix, entries[0]) for prefix, entries in found if entries]

    def resolve(self, tenant_id: UUID, destination: str) -> Route | None:
        """The route that a tenant's own packets take; raises NotFound."""
        self._tenant(tenant_id)
        _check_address(destination)
        return self._directory.snapshot.decide(tenant_id, destination)

    async def explain(
        self, tenant_id: UUID, destination: str, amount: Amount | None
    ) -> Explanation:
        """Every step of the decision on a packet of a tenant's; raises NotFound."""
        route = self.resolve(tenant_id, destination)
        if isinstance(route, OwnRoute):
            return explain_local(destination, route.prefix)
        if route is None:
            return explain_no_route(destination, len(self._directory.snapshot.routes(tenant_id)))
        priced = None if amount is None else await self._price(route, amount)
        return explain_hop(destination, route, priced)

    async def rate(self, tenant_id: UUID, base: Asset, counter: Asset) -> CurrentRate:
        """The rate in use; raises NotFound, and Unavailable when there is none."""
        self._tenant(tenant_id)
        rate = await self._rates.get(tenant_id, base, counter)
        if rate is None:
            raise rate_unavailable(base.code, counter.code)
        # One currency needs no fetching: its rate holds now.
        fetched = None if base.code == counter.code else self._rates.fetched_at_ms(tenant_id, base)
        return CurrentRate(rate=rate, fetched_at_ms=fetched or self._clock.now_ms())

    async def _price(self, route: PeerRoute, amount: Amount) -> Priced:
        asset = route.entry.asset
        rate = await self._rates.get(route.entry.peer.tenant_id, amount.asset, asset.unit)
        account = (await self._ledger.lookup_accounts([asset.id.int])).get(asset.id.int)
        return Priced(
            amount=amount, rate=rate, liquidity=None if account is None else balance(account)
        )

    def _tenant(self, tenant_id: UUID) -> TenantEntry:
        entry = self._directory.snapshot.tenants.get(tenant_id)
        if entry is None:
            raise unknown_tenant(tenant_id)
        return entry


def _check_address(destination: str) -> None:
    if not is_valid_address(destination):
        raise InvalidArgument(
            "INVALID_FIELD",
            "destination is an ILP address",
            field="destination",
            metadata={"field": "destination"},
        )
