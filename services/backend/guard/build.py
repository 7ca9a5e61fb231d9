"""The guard of Open Payments, put together."""

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.documents import JsonFetcher
from servicekit.redis import Redis, ReplayGuard
from servicekit.signed_requests import SignatureCheck
from token_introspection import Introspector

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory
from services.backend.guard.keys import ClientKeys
from services.backend.guard.service import Guard


def build(
    *,
    database: Database,
    directory: Directory,
    wallet_addresses: WalletAddresses,
    redis: Redis,
    fetcher: JsonFetcher,
    introspection: Introspector,
    clock: Clock,
    public_origin: str,
    grant_endpoint: str,
    either_scheme: bool,
) -> Guard:
    """Wire it; clients sign URLs below `public_origin`."""
    return Guard(
        database=database,
        directory=directory,
        wallet_addresses=wallet_addresses,
        introspection=introspection,
        keys=ClientKeys(fetcher=fetcher, clock=clock, wallet_addresses=wallet_addresses),
        signatures=SignatureCheck(
            clock=clock,
            replays=ReplayGuard(redis, prefix="rafiki:client-signature", clock=clock),
            public_origin=public_origin,
            either_scheme=either_scheme,
        ),
        grant_endpoint=grant_endpoint,
    )
