"""Bind a public key to a wallet address."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.checks import check_public_key
from services.backend.wallet_addresses.model import WalletAddressKey
from services.backend.wallet_addresses.queries import WalletAddressQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """An Ed25519 key; `x` is base64url without padding."""

    scope: Scope
    wallet_address_id: UUID
    kid: str
    x: str


class CreateKey(Command[NewKey, None, WalletAddressKey]):
    """Raises NotFound for the wallet address, InvalidArgument, and AlreadyExists for the kid."""

    def __init__(self, *, queries: WalletAddressQueries, clock: Clock, ids: IdSource) -> None:
        self._queries = queries
        self._clock = clock
        self._ids = ids

    async def read(self, given: NewKey) -> None:
        """There is such a wallet address, which is never deleted, and the key is one."""
        await self._queries.get(given.scope, given.wallet_address_id)
        check_public_key(given.kid, given.x)

    async def write(self, session: WriteSession, given: NewKey, facts: None) -> WalletAddressKey:
        """The key's row."""
        del facts
        key = WalletAddressKey(
            id=self._ids.uuid(),
            wallet_address_id=given.wallet_address_id,
            kid=given.kid,
            x=given.x,
            revoked=False,
            created_at=self._clock.now(),
        )
        repository.add_key(session, key)
        await announce_change(session, Kind.WALLET_ADDRESS, key.wallet_address_id)
        return key
