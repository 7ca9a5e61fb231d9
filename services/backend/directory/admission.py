"""What holds for every call before its servicer sees it.

- What an Admin call answered is true for the next one, whichever process that meets: each begins
  with a directory that holds all that was committed. The packet path never asks; it follows the
  notifications.
- A call for a tenant that is not there, or not any more, ends here.
"""

from typing import Final

from google.protobuf.message import Message
from servicekit.errors import NotFound

from services.backend.directory.worker import Directory
from services.backend.tenants.errors import unknown_tenant
from services.backend.tenants.scope import parse_id

_FRESH: Final = frozenset({"rafiki.admin.v1", "rafiki.routing.v1"})
_OPEN_PAYMENTS: Final = "rafiki.openpayments.v1"


class Admission:
    """Asked with the message of each call that has one."""

    def __init__(self, *, directory: Directory) -> None:
        self._directory = directory

    async def __call__(self, message: Message) -> None:
        """Let the call go on; raises NotFound when its tenant is unknown."""
        package = message.DESCRIPTOR.file.package
        if package in _FRESH:
            await self._directory.catch_up()
        tenant_id = _tenant_of(message, package)
        if tenant_id is None:
            return
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
