"""What a process knows of tenants, assets, peers and names, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.changes.hearing import Hearing
from services.backend.directory.names import Names
from services.backend.directory.tenant_settings import TenantSettings
from services.backend.directory.urls import Urls
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """The directory, and what follows from it."""

    directory: Directory
    hearing: Hearing
    names: Names
    urls: Urls
    tenant_settings: TenantSettings
    wallet_addresses: WalletAddresses


def build(
    *,
    database: Database,
    ilp_address: str,
    open_payments_url: str,
    node_wallet_address: str,
    auth_server_url: str,
    webhook_url: str,
    webhook_timeout_ms: int,
    webhook_attempts_max: int,
    exchange_rates_url: str | None,
    clock: Clock,
    ids: IdSource,
) -> Lookups:
    """Wire them; the directory is empty until it is loaded."""
    names = Names(ilp_address=ilp_address, open_payments_url=open_payments_url)
    hearing = Hearing(database=database, clock=clock, process=ids.uuid().hex)
    directory = Directory(database=database, names=names, hearing=hearing)
    return Lookups(
        directory=directory,
        hearing=hearing,
        names=names,
        urls=Urls(
            open_payments_url=open_payments_url,
            node_wallet_address=node_wallet_address,
            auth_server_url=auth_server_url,
            directory=directory,
            names=names,
        ),
        tenant_settings=TenantSettings(
            directory=directory,
            webhook_url=webhook_url,
            webhook_timeout_ms=webhook_timeout_ms,
            webhook_attempts_max=webhook_attempts_max,
            exchange_rates_url=exchange_rates_url,
        ),
        wallet_addresses=WalletAddresses(directory=directory, names=names, clock=clock),
    )
