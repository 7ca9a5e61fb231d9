"""Telling those who hold tenants that one changed, as every command does that changes one."""

from servicekit.database import WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.model import Tenant
from services.backend.tenants.roles import ChangeTeller


async def announce_tenant(session: WriteSession, auth: ChangeTeller, tenant: Tenant) -> None:
    """Tell every process, and the authorization server."""
    # Auth has the operator's consent page from its own settings, unless one is set here.
    if not tenant.is_operator or tenant.idp_consent_url is not None:
        await auth.changed(session, tenant.id)
    await announce_change(session, Kind.TENANT, tenant.id)
