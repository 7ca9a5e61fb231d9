"""Channels to other services: a deadline on each call, bounded retries, typed errors.

Unary calls raise the callee's own `ServiceError`. Around a stream use `restored_errors`.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from servicekit.backoff import Backoff
from servicekit.clock import Clock, SystemClock
from servicekit.error_mapping import from_rpc_error
from servicekit.grpc_tls import ClientTls
from servicekit.ids import IdSource, SystemIds
from servicekit.interceptors.tracing import TracedCalls
from servicekit.tracing import Tracing

_MS_PER_SECOND = 1000
_ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


@dataclass(frozen=True, kw_only=True)
class GrpcClientLimits:
    """Every bound of a channel; times in milliseconds."""

    deadline_ms: int = 10_000
    """Of a unary call that sets none."""
    message_bytes_max: int = 4 * 1024 * 1024
    keepalive_ms: int = 30_000
    """A ping when a call runs and nothing came; a dead peer shows after `keepalive_timeout_ms`."""
    keepalive_timeout_ms: int = 10_000
    attempts_max: int = 4
    """Of an idempotent call that meets UNAVAILABLE, within its deadline."""
    backoff: Backoff = field(default_factory=lambda: Backoff(first_ms=50, max_ms=1_000))
    reconnect_ms_max: int = 5_000


class _UnaryCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """One deadline over all attempts, retries of idempotent calls, `ServiceError` at the end.

    The retry policy of gRPC's own service config is not used: in grpcio 1.85 a short backoff was
    seen to leave the call hanging until its deadline.
    """

    def __init__(
        self, limits: GrpcClientLimits, idempotent: frozenset[str], clock: Clock, ids: IdSource
    ) -> None:
        self._limits = limits
        self._idempotent = idempotent
        self._clock = clock
        self._ids = ids

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """One call, as often as it may be tried."""
        method = _text(client_call_details.method).removeprefix("/")
        attempts = self._limits.attempts_max if method in self._idempotent else 1
        timeout_s = client_call_details.timeout
        if timeout_s is None:
            timeout_s = self._limits.deadline_ms / _MS_PER_SECOND
        ends_at = self._clock.monotonic() + timeout_s
        with restored_errors():
            for attempt in range(1, attempts + 1):
                details = client_call_details._replace(timeout=timeout_s)
                try:
                    call = await continuation(details, request)
                    return await call
                except grpc.aio.AioRpcError as error:
                    wait_s = self._limits.backoff.delay_s(attempt, self._ids)
                    timeout_s = ends_at - self._clock.monotonic() - wait_s
                    retriable = error.code() is grpc.StatusCode.UNAVAILABLE
                    if not retriable or attempt == attempts or timeout_s <= 0:
                        raise
                await self._clock.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")


@contextmanager
def restored_errors() -> Iterator[None]:
    """Raise the callee's `ServiceError` in place of the library's error."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


def build_channel(
    target: str,
    *,
    idempotent_methods: Iterable[str] = (),
    limits: GrpcClientLimits | None = None,
    tls: ClientTls | None = None,
    tracing: Tracing | None = None,
    clock: Clock | None = None,
    ids: IdSource | None = None,
) -> grpc.aio.Channel:
    """A channel to `host:port`, or to several as `ipv4:host:port,host:port` (taken in turn).

    Args:
        target: a gRPC name; several addresses are balanced round robin.
        idempotent_methods: `package.Service/Method` names that may be retried on UNAVAILABLE.
        limits: every bound of the channel.
        tls: whom to trust, and who we are; plain text without.
        tracing: carries traces on to the called; nothing is added without.
        clock: for the waiting between attempts.
        ids: for the jitter of that waiting.
    """
    limits = limits or GrpcClientLimits()
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", _ROUND_ROBIN),
        ("grpc.max_receive_message_length", limits.message_bytes_max),
        ("grpc.max_send_message_length", limits.message_bytes_max),
        ("grpc.keepalive_time_ms", limits.keepalive_ms),
        ("grpc.keepalive_timeout_ms", limits.keepalive_timeout_ms),
        ("grpc.max_reconnect_backoff_ms", limits.reconnect_ms_max),
    ]
    clock = clock or SystemClock()
    ids = ids or SystemIds(clock)
    interceptors: list[grpc.aio.ClientInterceptor] = [
        *(() if tracing is None else (TracedCalls(tracing),)),
        _UnaryCalls(limits, frozenset(idempotent_methods), clock, ids),
    ]
    if tls is None:
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    if tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return grpc.aio.secure_channel(
        target, tls.credentials(), options=options, interceptors=interceptors
    )


def _text(method: str | bytes) -> str:
    return method if isinstance(method, str) else method.decode("ascii")
