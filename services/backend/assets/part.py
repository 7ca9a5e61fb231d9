"""What assets add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.assets.build import Assets
from services.backend.assets.servicer import AssetServicer
from services.backend.ledger.interface import LedgerReader
from services.backend.tenants.scope import Scopes


def part(assets: Assets, *, commands: Commands, ledger: LedgerReader, scopes: Scopes) -> Part:
    """Their RPCs."""
    servicer = AssetServicer(assets=assets, commands=commands, ledger=ledger, scopes=scopes)
    return Part(servicers=[servicer])
