"""What holds for every call before its servicer sees it.

- What a call answered is true for the next one, whichever process that meets: each begins with a
  directory that holds all that was answered (`changes/hearing`). The packet path never asks; it
  follows the notifications.
- A call of the Admin edge is kept to what its tenant may do.
- A call for a tenant that is not there, or not any more, ends here.
"""

from typing import Final, Protocol

import structlog
from google.protobuf.message import Message
from servicekit.errors import NotFound
from servicekit.interceptors.requests import Metadata

from services.backend.directory.worker import Directory
from services.backend.tenants.errors import unknown_tenant
from services.backend.tenants.scope import parse_id

_OURS: Final = "rafiki."
"""Packages of others', such as health, know nothing of the directory."""
_PACKETS: Final = "rafiki.connector.v1"
_OPEN_PAYMENTS: Final = "rafiki.openpayments.v1"


class Callers(Protocol):
    """What knows for whom a call is made."""

    async def admit(self, message: Message, metadata: Metadata) -> None:
        """Keep a call to what its caller may do; raises ServiceError."""
        ...


class Admission:
    """Asked with the message of each call that has one."""

    def __init__(self, *, directory: Directory, callers: Callers) -> None:
        self._directory = directory
        self._callers = callers

    async def __call__(self, message: Message, metadata: Metadata) -> None:
        """Let the call go on.

        Raises:
            NotFound: its tenant is unknown.
            ServiceError: what the callers' rules raise.
        """
        package = message.DESCRIPTOR.file.package
        if package.startswith(_OURS) and package != _PACKETS:
            await self._directory.be_current()
        await self._callers.admit(message, metadata)
        tenant_id = _tenant_of(message, package)
        if tenant_id is None:
            return
        structlog.contextvars.bind_contextvars(tenant_id=tenant_id)
        unknown: NotFound = unknown_tenant(tenant_id)
        if await self._directory.find_tenant(parse_id(tenant_id, unknown)) is None:
            raise unknown


def _tenant_of(message: Message, package: str) -> str | None:
    """The tenant that a call acts for; None when it is the operator, or nobody yet.

    In the Admin contracts that is the field with presence; one without it names a tenant as a
    thing, as `GetTenant` does.
    """
    field = message.DESCRIPTOR.fields_by_name.get("tenant_id")
    if field is None or not (field.has_presence or package == _OPEN_PAYMENTS):
        return None
    return str(getattr(message, field.name)) or None
