"""What deposits and withdrawals add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.liquidity.build import Liquidity
from services.backend.liquidity.servicer import LiquidityServicer
from services.backend.outgoing_payments.commands.fund_payment import FundPayment
from services.backend.tenants.scope import Scopes


def part(
    liquidity: Liquidity, *, fund_payment: FundPayment, commands: Commands, scopes: Scopes
) -> Part:
    """Their RPCs."""
    servicer = LiquidityServicer(
        liquidity=liquidity, fund_payment=fund_payment, commands=commands, scopes=scopes
    )
    return Part(servicers=[servicer])
