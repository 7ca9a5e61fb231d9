"""What administration adds to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.auth.admin.build import Administration
from services.auth.admin.servicer import GrantAdminServicer


def part(admin: Administration, *, commands: Commands) -> Part:
    """Grants and tenants for administrators."""
    return Part(servicers=[GrantAdminServicer(commands=commands, admin=admin)])
