"""What the Open Payments servicers share: who calls, for which tenant, under which key."""

import hashlib
import json
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from servicekit.errors import Internal, NotFound
from servicekit.idempotency import Once, once_of
from servicekit.verdict import NATIVE, Verdict, caller_of

Context = ServicerContext[object, object]


def verdict(context: Context) -> Verdict:
    """The guard's verdict on this call."""
    found = caller_of(context).verdict
    if found is None:
        # Envoy let a REST call through without asking the guard: never serve that.
        raise Internal("INTERNAL", "the request came without the guard's verdict")
    return found


def tenant(text: str) -> UUID:
    """The tenant in a resource path; what is no UUID is no tenant."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(
            "UNKNOWN_TENANT", f"there is no tenant {text}", metadata={"id": text}
        ) from None


def call_scope(tenant_id: UUID, verdict_: Verdict) -> str:
    """Keys of different tenants, clients or grants don't meet."""
    caller = json.dumps([verdict_.client, verdict_.grant_id])
    return f"{tenant_id}/{hashlib.sha256(caller.encode()).hexdigest()[:32]}"


def once_of_call(
    request: Message, context: Context, *, tenant_id: UUID, caller: Verdict
) -> Once | None:
    """What makes a repeat of an Open Payments call; None without a key: each call is a new one."""
    key = caller_of(context).idempotency_key(request)
    return None if key is None else once_of(request, scope=call_scope(tenant_id, caller), key=key)


__all__ = [
    "NATIVE",
    "Context",
    "Verdict",
    "call_scope",
    "once_of_call",
    "tenant",
    "verdict",
]
