"""What tenants add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part, waking

from services.backend.tenants.build import Tenants
from services.backend.tenants.servicer import TenantServicer
from services.backend.tenants.worker import AUTH_TENANTS_CHANNEL


def part(tenants: Tenants, *, commands: Commands) -> Part:
    """Their RPCs, and telling the authorization server."""
    return Part(
        servicers=[TenantServicer(tenants=tenants, commands=commands)],
        workers={"auth tenants": tenants.auth_worker.run},
        channels=waking(AUTH_TENANTS_CHANNEL, tenants.auth_worker.heard),
        housekeeping=[tenants.auth_changes.housekeeping],
    )
