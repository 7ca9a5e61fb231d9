"""Redis or Valkey: the client builder, and a guard that lets a token pass once."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from servicekit.errors import Unavailable

Redis = redis.asyncio.Redis

CONNECTIONS_MAX = 50
CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 5.0
RETRIES_MAX = 2
RETRY_FIRST_S, RETRY_S_MAX = 0.01, 0.2
HEALTH_CHECK_INTERVAL_S = 30
_TLS_SCHEME = "rediss"


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
    """Remembers what was used, for all processes that share the Redis."""

    def __init__(self, redis_client: Redis, *, prefix: str) -> None:
        """`prefix` keeps this guard's keys from another's, e.g. `admin-signature`."""
        self._redis = redis_client
        self._prefix = prefix

    async def first_use(self, token: str | bytes, *, ttl_ms: int) -> bool:
        """Whether nobody used `token` in the last `ttl_ms`; asking uses it, in one atomic command.

        Raises:
            Unavailable: Redis does not answer; the token may be used up.
        """
        raw = token if isinstance(token, bytes) else token.encode()
        key = f"{self._prefix}:{hashlib.sha256(raw).hexdigest()}"
        try:
            return await self._redis.set(key, b"1", nx=True, px=ttl_ms) is not None
        except RedisError as error:
            raise Unavailable("UNAVAILABLE", "the replay guard does not answer") from error


SingleUse = ReplayGuard
"""The same under the name of what it guarantees."""
