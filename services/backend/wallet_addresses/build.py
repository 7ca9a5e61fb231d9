"""The use cases of wallet addresses, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.wallet_addresses.commands.create_key import CreateKey
from services.backend.wallet_addresses.commands.create_wallet_address import CreateWalletAddress
from services.backend.wallet_addresses.commands.revoke_key import RevokeKey
from services.backend.wallet_addresses.commands.update_wallet_address import UpdateWalletAddress
from services.backend.wallet_addresses.queries import WalletAddressQueries
from services.backend.wallet_addresses.roles import BaseUrls, KnownWalletAddresses, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddressUseCases:
    """Everything that can be done with wallet addresses and their keys."""

    queries: WalletAddressQueries
    create: CreateWalletAddress
    update: UpdateWalletAddress
    create_key: CreateKey
    revoke_key: RevokeKey


def build(
    *,
    database: Database,
    base_urls: BaseUrls,
    names: Names,
    known: KnownWalletAddresses,
    clock: Clock,
    ids: IdSource,
) -> WalletAddressUseCases:
    """Wire them."""
    queries = WalletAddressQueries(database=database, known=known, clock=clock)
    return WalletAddressUseCases(
        queries=queries,
        create=CreateWalletAddress(base_urls=base_urls, names=names, clock=clock, ids=ids),
        update=UpdateWalletAddress(queries=queries, clock=clock),
        create_key=CreateKey(queries=queries, clock=clock, ids=ids),
        revoke_key=RevokeKey(),
    )
