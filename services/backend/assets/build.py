"""The use cases of assets, put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.assets.commands.create_asset import CreateAsset
from services.backend.assets.commands.delete_asset import DeleteAsset, UsesAsset
from services.backend.assets.commands.set_fee import SetFee
from services.backend.assets.commands.update_asset import UpdateAsset
from services.backend.assets.queries import AssetQueries, KnownAssets
from services.backend.ledger.interface import LedgerAccounts, LedgerReader


class AssetLedger(LedgerReader, LedgerAccounts, Protocol):
    """What assets need of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """Everything that can be done with assets."""

    queries: AssetQueries
    create: CreateAsset
    update: UpdateAsset
    delete: DeleteAsset
    set_fee: SetFee


def build(
    *,
    database: Database,
    ledger: AssetLedger,
    users: Sequence[UsesAsset],
    known: KnownAssets,
    clock: Clock,
    ids: IdSource,
) -> Assets:
    """Wire them; an asset that one of `users` uses is not deleted."""
    queries = AssetQueries(database=database, known=known)
    return Assets(
        queries=queries,
        create=CreateAsset(database=database, ledger=ledger, clock=clock, ids=ids),
        update=UpdateAsset(queries=queries),
        delete=DeleteAsset(queries=queries, users=users, ledger=ledger, clock=clock),
        set_fee=SetFee(queries=queries, clock=clock, ids=ids),
    )
