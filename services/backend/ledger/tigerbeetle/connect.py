"""Opening a session within a deadline, with a diagnosis when it fails.

The official client waits for ever, without a word, when the cluster is down, when its id is
another, and when it has no room for one more client. What tells them apart is a plain connection to
a replica (seen with 0.17.9): refused, held open, or closed at once.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from services.backend.ledger.errors import LedgerUnavailableError
from services.backend.ledger.tigerbeetle.addresses import (
    ReplicaAddress,
    parse_addresses,
    resolve_addresses,
)
from services.backend.ledger.tigerbeetle.calls import Calls, TooMuchDataError, release_error
from services.backend.ledger.tigerbeetle.codec import TRANSFER_BYTES, pack_ids
from services.backend.ledger.tigerbeetle.errors import (
    CLUSTER_SESSIONS_MAX,
    DEVELOPMENT_CONNECTIONS_MAX,
    TigerBeetleAddressError,
    TigerBeetleClientLimitError,
    TigerBeetleSilentError,
    TigerBeetleUnreachableError,
)
from services.backend.ledger.tigerbeetle.session import (
    NativeSession,
    Operation,
    Session,
    SessionError,
    SessionFailure,
)

READY_TIMEOUT_S: Final = 10.0
BATCH_TRANSFERS_MAX: Final = 8_189  # in a request of one megabyte
_DIAL_TIMEOUT_S: Final = 1.0
_HANG_UP_TIMEOUT_S: Final = 0.5
_PROBE_ID: Final = 1


async def connect(
    addresses: str,
    *,
    cluster_id: int,
    ready_timeout_s: float,
    new_session: Callable[..., Session] = NativeSession,
) -> Session:
    """Open a session and return it once the cluster has answered on it.

    Raises:
        TigerBeetleAddressError: the addresses can't be used.
        TigerBeetleReleaseError: the cluster does not talk to this client's release.
        TigerBeetleUnreachableError, TigerBeetleSilentError, TigerBeetleClientLimitError: no answer
            in `ready_timeout_s` seconds; told apart as far as one can from outside.
    """
    replicas = await resolve_addresses(parse_addresses(addresses))
    try:
        session = new_session(
            cluster_id=cluster_id, addresses=",".join(str(replica) for replica in replicas)
        )
    except OSError as error:
        raise TigerBeetleAddressError(str(error)) from error
    try:
        reply = session.submit(Operation.LOOKUP_ACCOUNTS, pack_ids((_PROBE_ID,)))
        await asyncio.wait((reply,), timeout=ready_timeout_s)
        if reply.done():
            return _answered(session, reply)
        failure = await _diagnose(replicas, cluster_id, ready_timeout_s)
        reply.add_done_callback(_look_away)
    except BaseException:
        await session.close()
        raise
    await session.close()
    raise failure


def _answered(session: Session, reply: asyncio.Future[bytes]) -> Session:
    """Return the session when the answer proves that it works, or when the next call will tell."""
    error = reply.exception()
    if isinstance(error, SessionError):
        mismatch = release_error(error.failure)
        if mismatch is not None:
            raise mismatch
        if error.failure is not SessionFailure.EVICTED:
            raise error
    return session


def _look_away(reply: asyncio.Future[bytes]) -> None:
    if not reply.cancelled():
        reply.exception()


async def _diagnose(
    replicas: tuple[ReplicaAddress, ...], cluster_id: int, ready_timeout_s: float
) -> LedgerUnavailableError:
    signs = await asyncio.gather(*(_knock(replica) for replica in replicas))
    listed = ", ".join(str(replica) for replica in replicas)
    within = f"within {ready_timeout_s:g} s"
    if "hung up" in signs:
        return TigerBeetleClientLimitError(
            f"TigerBeetle at {listed} takes no more clients (no session {within}): the limit is "
            f"{DEVELOPMENT_CONNECTIONS_MAX} connections with --development and at most "
            f"{CLUSTER_SESSIONS_MAX} in production; run fewer processes that use the ledger, or "
            "start the replicas with a larger --limit-pipeline-requests"
        )
    if "silent" in signs:
        return TigerBeetleSilentError(
            f"TigerBeetle at {listed} accepts connections but gave no session {within}: is "
            f"{cluster_id} the cluster's id, and is a majority of its replicas up?"
        )
    return TigerBeetleUnreachableError(
        f"no TigerBeetle replica at {listed} accepts connections ({within}); start the cluster or "
        "correct the addresses"
    )


async def _knock(replica: ReplicaAddress) -> str:
    try:
        async with asyncio.timeout(_DIAL_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(replica.host, replica.port)
    except (OSError, TimeoutError):
        return "refused"
    try:
        async with asyncio.timeout(_HANG_UP_TIMEOUT_S):
            await reader.read(1)
    except TimeoutError:
        return "silent"
    except OSError:
        return "hung up"
    else:
        return "hung up"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def discover_batch_max(calls: Calls) -> int:
    """Find how many transfers the cluster takes in a request, by bisection.

    Replicas can be started with a smaller request (`--development`: 253 transfers) and don't say
    so. A transfer with id 0 is refused and leaves no trace, a request that is too large is refused
    by the client itself; usually the first question is the last.
    """
    if await _fits(calls, BATCH_TRANSFERS_MAX):
        return BATCH_TRANSFERS_MAX
    fits, too_many = 1, BATCH_TRANSFERS_MAX
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if await _fits(calls, middle):
            fits = middle
        else:
            too_many = middle
    return fits


async def _fits(calls: Calls, transfer_count: int) -> bool:
    try:
        await calls.read(Operation.CREATE_TRANSFERS, bytearray(TRANSFER_BYTES * transfer_count))
    except TooMuchDataError:
        return False
    return True
