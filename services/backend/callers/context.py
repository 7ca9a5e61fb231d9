"""What the Open Payments servicers share: who calls, for which tenant, under which key."""

import hashlib
import json
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from servicekit.errors import Internal, NotFound
from servicekit.idempotency import Once

from services.backend.callers.verdict import IDEMPOTENCY_HEADER, NATIVE, Verdict, verdict_of
from services.backend.calls import once_of

Context = ServicerContext[object, object]


def verdict(context: Context) -> Verdict:
    """The guard's verdict on this call."""
    found = verdict_of((str(key), value) for key, value in context.invocation_metadata() or ())
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


def idempotency_key(context: Context, request: Message) -> str | None:
    """The caller's key: the header of a REST call, the field of a native one."""
    for key, value in context.invocation_metadata() or ():
        if key == IDEMPOTENCY_HEADER and isinstance(value, str):
            return value
    return request.idempotency_key if request.HasField("idempotency_key") else None  # type: ignore[attr-defined] # every mutating request has the field


def call_scope(tenant_id: UUID, verdict_: Verdict) -> str:
    """Keys of different tenants, clients or grants don't meet."""
    caller = json.dumps([verdict_.client, verdict_.grant_id])
    return f"{tenant_id}/{hashlib.sha256(caller.encode()).hexdigest()[:32]}"


def once_of_call(
    request: Message, context: Context, *, tenant_id: UUID, asker: Verdict
) -> Once | None:
    """What makes a repeat of an Open Payments call; None without a key: each call is a new one."""
    key = idempotency_key(context, request)
    return None if key is None else once_of(request, scope=call_scope(tenant_id, asker), key=key)


__all__ = [
    "NATIVE",
    "Context",
    "Verdict",
    "call_scope",
    "idempotency_key",
    "once_of_call",
    "tenant",
    "verdict",
]
