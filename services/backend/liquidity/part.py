"""What deposits and withdrawals add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.calls import Calls
from services.backend.liquidity.build import Liquidity
from services.backend.liquidity.servicer import LiquidityServicer
from services.backend.outgoing_payments.service import OutgoingPaymentService
from services.backend.tenants.scope import Scopes


def part(
    liquidity: Liquidity,
    *,
    outgoing_payments: OutgoingPaymentService,
    commands: Commands,
    scopes: Scopes,
) -> Part:
    """Their RPCs."""
    servicer = LiquidityServicer(
        liquidity=liquidity.service,
        history=liquidity.history,
        outgoing_payments=outgoing_payments,
        calls=Calls(commands=commands),
        scopes=scopes,
    )
    return Part(servicers=[servicer])
