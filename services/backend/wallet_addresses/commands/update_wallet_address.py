"""Change a wallet address: its public name, its properties, whether it can be used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.checks import clean_properties
from services.backend.wallet_addresses.errors import unknown_wallet_address
from services.backend.wallet_addresses.model import AdditionalProperty, WalletAddressView
from services.backend.wallet_addresses.roles import KnownWalletAddresses


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddressChanges:
    """What to change; None leaves a thing as it is."""

    scope: Scope
    wallet_address_id: UUID
    public_name: str | None
    """An empty one takes it away."""
    active: bool | None
    additional_properties: Sequence[AdditionalProperty] | None
    """All that it has from now on."""


class UpdateWalletAddress(Command[WalletAddressChanges, None, WalletAddressView]):
    """Raises NotFound."""

    def __init__(self, *, known: KnownWalletAddresses, clock: Clock) -> None:
        self._known = known
        self._clock = clock

    async def write(
        self, session: WriteSession, given: WalletAddressChanges, facts: None
    ) -> WalletAddressView:
        """Its row."""
        del facts
        found = await repository.lock(session, given.wallet_address_id, given.scope.filter)
        if found is None:
            raise unknown_wallet_address(given.wallet_address_id)
        changed = replace(found, **self._values(given))
        repository.change(session, changed)
        await announce_change(session, Kind.WALLET_ADDRESS, changed.id)
        return WalletAddressView(changed, await self._known.asset_of(changed))

    def _values(self, given: WalletAddressChanges) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if given.public_name is not None:
            values["public_name"] = given.public_name or None
        if given.active is not None:
            values["deactivated_at"] = None if given.active else self._clock.now()
        if given.additional_properties is not None:
            values["additional_properties"] = clean_properties(given.additional_properties)
        return values
