"""Revoke a key of a wallet address; revoking it again changes nothing."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.errors import unknown_key
from services.backend.wallet_addresses.model import WalletAddressKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyToRevoke:
    """Which one."""

    scope: Scope
    key_id: UUID


class RevokeKey(Command[KeyToRevoke, None, WalletAddressKey]):
    """Raises NotFound. Once it is answered, no process accepts the key any more."""

    async def write(
        self, session: WriteSession, given: KeyToRevoke, facts: None
    ) -> WalletAddressKey:
        """The key's row."""
        del facts
        key = await repository.revoke_key(session, given.key_id, given.scope.filter)
        if key is None:
            raise unknown_key(given.key_id)
        await announce_change(session, Kind.WALLET_ADDRESS, key.wallet_address_id)
        return key
