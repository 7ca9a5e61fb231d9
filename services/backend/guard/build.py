"""The guard of Open Payments, put together."""

from dataclasses import dataclass
from typing import Final

import structlog
from grpc.aio import Channel
from servicekit.client_keys import ClientKeys
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.documents import JsonFetcher
from servicekit.key_sets import KeySets
from servicekit.redis import Redis, ReplayGuard
from servicekit.signed_requests import SignatureCheck
from token_introspection import CachedIntrospector, IntrospectionClient, RevocationWatch

from services.backend.clients.auth_server import OptionalServices
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory
from services.backend.guard.decision import Guard
from services.backend.guard.keys import DirectoryKeySets
from services.backend.guard.resources import Resources

ANSWER_LIFE_S: Final = 10.0
"""How long an answer about a token is remembered, if no revocation ends it (docs/adr/0010)."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarding:
    """The guard, what keeps its remembered answers honest, and what is said of the auth server."""

    guard: Guard
    revocations: RevocationWatch
    auth_server: OptionalServices


def build(
    *,
    database: Database,
    directory: Directory,
    wallet_addresses: WalletAddresses,
    redis: Redis,
    fetcher: JsonFetcher,
    auth: Channel,
    clock: Clock,
    public_origin: str,
    grant_endpoint: str,
    either_scheme: bool,
) -> Guarding:
    """Wire it; clients sign URLs below `public_origin`, and `auth` knows their tokens."""
    introspection = IntrospectionClient(channel=auth, attempts_max=1)
    remembered = CachedIntrospector(
        introspection, life_s=ANSWER_LIFE_S, monotonic=clock.monotonic, watched=True
    )
    revocations = RevocationWatch(
        channel=auth, cache=remembered, sleep=clock.sleep, on_absent=_no_revocations
    )
    guard = Guard(
        directory=directory,
        wallet_addresses=wallet_addresses,
        resources=Resources(database=database),
        introspection=introspection,
        remembered=remembered,
        keys=ClientKeys(
            sets=KeySets(clock=clock, fetcher=fetcher), own=DirectoryKeySets(wallet_addresses)
        ),
        signatures=SignatureCheck(
            clock=clock,
            replays=ReplayGuard(redis, prefix="rafiki:client-signature", clock=clock),
            public_origin=public_origin,
            either_scheme=either_scheme,
        ),
        grant_endpoint=grant_endpoint,
    )
    auth_server = OptionalServices(channel=auth, clock=clock)
    return Guarding(guard=guard, revocations=revocations, auth_server=auth_server)


def _no_revocations() -> None:
    _log.warning(
        "auth_server_lacks",
        method="rafiki.introspection.v1.IntrospectionService/WatchRevocations",
        consequence="it is asked about the token of each request",
    )
