"""Change a wallet address: its public name, its properties, whether it can be used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.checks import clean_properties
from services.backend.wallet_addresses.model import AdditionalProperty, WalletAddressView
from services.backend.wallet_addresses.queries import WalletAddressQueries


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


class UpdateWalletAddress(Command[WalletAddressChanges, WalletAddressView, WalletAddressView]):
    """Raises NotFound.

    Only what is to change is written, so a change of something else at the same moment stays; the
    reply shows what it does not change as it was when the call came.
    """

    reading_leaves_nothing: ClassVar = True

    def __init__(self, *, queries: WalletAddressQueries, clock: Clock) -> None:
        self._queries = queries
        self._clock = clock

    async def read(self, given: WalletAddressChanges) -> WalletAddressView:
        """The wallet address as it is."""
        return await self._queries.get(given.scope, given.wallet_address_id)

    async def write(
        self, session: WriteSession, given: WalletAddressChanges, facts: WalletAddressView
    ) -> WalletAddressView:
        """What changes of its row."""
        values = self._values(given)
        if not values:
            return facts
        changed = replace(facts.wallet_address, **values)
        repository.change(session, changed, names=values)
        await announce_change(session, Kind.WALLET_ADDRESS, changed.id)
        return replace(facts, wallet_address=changed)

    def _values(self, given: WalletAddressChanges) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if given.public_name is not None:
            values["public_name"] = given.public_name or None
        if given.active is not None:
            values["deactivated_at"] = None if given.active else self._clock.now()
        if given.additional_properties is not None:
            values["additional_properties"] = clean_properties(given.additional_properties)
        return values
