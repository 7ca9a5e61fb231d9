"""Redis or Valkey: the client builder, and a guard that lets a token pass once."""

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from servicekit.clock import Clock

Redis = redis.asyncio.Redis

CONNECTIONS_MAX = 50
CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 5.0
RETRIES_MAX = 2
RETRY_FIRST_S, RETRY_S_MAX = 0.01, 0.2
HEALTH_CHECK_INTERVAL_S = 30
GUARD_WAIT_S = 0.5
GUARD_PAUSE_S = 1.0
GUARD_TOKENS_MAX = 100_000
"""About 15 MB; beyond, those that end soonest are forgotten early."""
_TLS_SCHEME = "rediss"
_log = structlog.get_logger(__name__)


def build_redis(
    url: str,
    *,
    ca_file: str | None = None,
    key_file: str | None = None,
    cert_file: str | None = None,
) -> Redis:
    """A client for `redis://` or `rediss://`; nothing is opened before the first command.

    Naming any file asks for TLS. The server's certificate and name are always checked: against
    `ca_file`, or against the system's authorities without one.
    """
    options: dict[str, Any] = {}
    if ca_file or key_file or cert_file:
        url = urlsplit(url)._replace(scheme=_TLS_SCHEME).geturl()
    if urlsplit(url).scheme == _TLS_SCHEME:
        options = {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_ca_certs": ca_file,
            "ssl_keyfile": key_file,
            "ssl_certfile": cert_file,
        }
    backoff = ExponentialWithJitterBackoff(base=RETRY_FIRST_S, cap=RETRY_S_MAX)
    return Redis.from_url(
        url,
        max_connections=CONNECTIONS_MAX,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=REPLY_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(backoff, RETRIES_MAX),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        **options,
    )


class ReplayGuard:
    """Remembers what was used: in Redis for all processes that share it, and in this process.

    Without Redis each process goes on with what it remembers itself. A token could then be used
    once in each process, within its life; refusing everything instead would let an outage of a
    cache stop the service. While Redis is away it is asked again once a second, so that no call
    waits for it longer than that.
    """

    def __init__(self, redis_client: Redis, *, prefix: str, clock: Clock) -> None:
        """`prefix` keeps this guard's keys from another's, e.g. `admin-signature`."""
        self._redis = redis_client
        self._prefix = prefix
        self._clock = clock
        self._used: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()
        self._asks_again_at = 0.0

    async def first_use(self, token: str | bytes, *, ttl_ms: int) -> bool:
        """Whether nobody used `token` in the last `ttl_ms`; asking uses it, in one atomic command.

        All tokens of one guard have the same life, so the oldest is always the first to end.
        """
        return await self.claim(token, mark=b"", ttl_ms=ttl_ms) is None

    async def claim(self, token: str | bytes, *, mark: bytes, ttl_ms: int) -> bytes | None:
        """None at the first use of `token`, which keeps the digest of `mark`; later that digest."""
        digest = hashlib.sha256(token if isinstance(token, bytes) else token.encode()).digest()
        marked = hashlib.sha256(mark).digest()
        earlier = self._claim_here(digest, marked, ttl_ms)
        if earlier is not None or self._clock.monotonic() < self._asks_again_at:
            return earlier
        try:
            async with asyncio.timeout(GUARD_WAIT_S):
                key = f"{self._prefix}:{digest.hex()}"
                kept = await self._redis.set(key, marked, nx=True, get=True, px=ttl_ms)
                return kept if isinstance(kept, bytes) else None
        except (RedisError, TimeoutError) as error:
            _log.warning("replay_guard_alone", prefix=self._prefix, error=repr(error))
            self._asks_again_at = self._clock.monotonic() + GUARD_PAUSE_S
            return None

    def same_mark(self, kept: bytes, mark: bytes) -> bool:
        """Whether `claim` answered the digest of this mark."""
        return hmac.compare_digest(kept, hashlib.sha256(mark).digest())

    def _claim_here(self, digest: bytes, marked: bytes, ttl_ms: int) -> bytes | None:
        now_ms = self._clock.now_ms()
        while self._used and next(iter(self._used.values()))[0] <= now_ms:
            self._used.popitem(last=False)
        if digest in self._used:
            return self._used[digest][1]
        if len(self._used) >= GUARD_TOKENS_MAX:
            self._used.popitem(last=False)
        self._used[digest] = (now_ms + ttl_ms, marked)
        return None
