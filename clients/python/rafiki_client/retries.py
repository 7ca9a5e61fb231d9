"""Repeats calls that a node did not answer, where the contract says that a repeat is harmless.

`idempotency_level` of each RPC says so: reads have no side effects, and the others that allow it
carry an idempotency key, which stays the same over all attempts. A request without a key gets one.
"""

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

KEY_FIELD = "idempotency_key"


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long; times in seconds."""

    attempts_max: int = 4
    first_wait_s: float = 0.1
    wait_s_max: float = 2.0
    deadline_s: float = 30.0
    """Of all attempts of a call that sets no timeout."""

    def wait_s(self, attempt: int) -> float:
        """A random time before the next attempt, so that many clients don't come back at once."""
        longest = min(self.wait_s_max, self.first_wait_s * 2 ** (attempt - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, keeps no secret


class RetryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Fills in the key, and tries again on UNAVAILABLE within the call's deadline."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """One call, as often as it may be tried."""
        request = with_key(request)
        repeatable = may_repeat(client_call_details.method)
        timeout = client_call_details.timeout
        clock = asyncio.get_running_loop().time
        ends_at = clock() + (self._policy.deadline_s if timeout is None else timeout)
        attempt = 1
        while True:
            details = client_call_details._replace(timeout=max(0.0, ends_at - clock()))
            try:
                call = await continuation(details, request)
                return await call
            except grpc.aio.AioRpcError as error:
                wait_s = self._policy.wait_s(attempt)
                if (
                    not repeatable
                    or error.code() is not grpc.StatusCode.UNAVAILABLE
                    or attempt == self._policy.attempts_max
                    or clock() + wait_s >= ends_at
                ):
                    raise
            attempt += 1
            await asyncio.sleep(wait_s)


def with_key(request: Any) -> Any:
    """The request itself, or a copy with a new idempotency key when it has none."""
    if KEY_FIELD not in request.DESCRIPTOR.fields_by_name or getattr(request, KEY_FIELD):
        return request
    keyed = type(request)()
    keyed.CopyFrom(request)
    setattr(keyed, KEY_FIELD, str(uuid.uuid4()))
    return keyed


def may_repeat(path: str | bytes) -> bool:
    """Whether the contract lets a client send this call again by itself."""
    name = path if isinstance(path, str) else path.decode("ascii")
    service, _, method = name.removeprefix("/").partition("/")
    try:
        found: MethodDescriptor = (
            descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]
        )
    except KeyError:
        return False
    level: int = found.GetOptions().idempotency_level
    return level != MethodOptions.IDEMPOTENCY_UNKNOWN
