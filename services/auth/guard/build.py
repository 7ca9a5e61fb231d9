"""The guard of GNAP, put together."""

from servicekit.client_keys import ClientKeys
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.documents import JsonFetcher
from servicekit.key_sets import KeySets
from servicekit.redis import Redis, ReplayGuard
from servicekit.signed_requests import SignatureCheck

from services.auth.guard.decision import Guard


def build(
    *,
    database: Database,
    redis: Redis,
    fetcher: JsonFetcher,
    clock: Clock,
    public_origin: str,
    either_scheme: bool,
) -> Guard:
    """Wire it; clients sign URLs below `public_origin`."""
    return Guard(
        clock=clock,
        database=database,
        keys=ClientKeys(sets=KeySets(clock=clock, fetcher=fetcher)),
        signatures=SignatureCheck(
            clock=clock,
            replays=ReplayGuard(redis, prefix="rafiki:auth-client-signature", clock=clock),
            public_origin=public_origin,
            either_scheme=either_scheme,
        ),
    )
