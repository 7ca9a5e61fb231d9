"""Channels to other services: a deadline on each call, bounded retries, typed errors.

Unary calls raise the callee's own `ServiceError`. Around a stream use `restored_errors`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from servicekit.error_mapping import from_rpc_error

_MS_PER_SECOND = 1000


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
    """Of an idempotent call that meets UNAVAILABLE; gRPC jitters and doubles the waiting."""
    backoff_first_ms: int = 50
    backoff_ms_max: int = 1_000
    reconnect_ms_max: int = 5_000


class _UnaryErrors(grpc.aio.UnaryUnaryClientInterceptor):
    """Sets the default deadline, and raises `ServiceError` for `AioRpcError`."""

    def __init__(self, deadline_ms: int) -> None:
        self._timeout_s = deadline_ms / _MS_PER_SECOND

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """One call."""
        if client_call_details.timeout is None:
            client_call_details = client_call_details._replace(timeout=self._timeout_s)
        with restored_errors():
            call = await continuation(client_call_details, request)
            return await call


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
    idempotent_methods: Sequence[str] = (),
    limits: GrpcClientLimits | None = None,
    credentials: grpc.ChannelCredentials | None = None,
) -> grpc.aio.Channel:
    """A channel to `host:port`, or to several as `ipv4:host:port,host:port` (taken in turn).

    Args:
        target: a gRPC name; several addresses are balanced round robin.
        idempotent_methods: `package.Service/Method` names that may be retried on UNAVAILABLE.
        limits: every bound of the channel.
        credentials: TLS; plain text without.
    """
    limits = limits or GrpcClientLimits()
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", _service_config(idempotent_methods, limits)),
        ("grpc.max_receive_message_length", limits.message_bytes_max),
        ("grpc.max_send_message_length", limits.message_bytes_max),
        ("grpc.keepalive_time_ms", limits.keepalive_ms),
        ("grpc.keepalive_timeout_ms", limits.keepalive_timeout_ms),
        ("grpc.max_reconnect_backoff_ms", limits.reconnect_ms_max),
    ]
    interceptors = [_UnaryErrors(limits.deadline_ms)]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    return grpc.aio.secure_channel(target, credentials, options=options, interceptors=interceptors)


def _service_config(methods: Sequence[str], limits: GrpcClientLimits) -> str:
    names = [dict(zip(("service", "method"), m.rsplit("/", 1), strict=True)) for m in methods]
    retried = {
        "name": names,
        "retryPolicy": {
            "maxAttempts": limits.attempts_max,
            "initialBackoff": f"{limits.backoff_first_ms / _MS_PER_SECOND}s",
            "maxBackoff": f"{limits.backoff_ms_max / _MS_PER_SECOND}s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [retried] if names else [],
        }
    )
