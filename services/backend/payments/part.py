"""What administrators' calls about payments add to a process."""

from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.parts import Part

from services.backend.incoming_payments.build import IncomingPayments
from services.backend.outgoing_payments.build import OutgoingPayments
from services.backend.payments.messages import IncomingPaymentUrls
from services.backend.payments.queries import PaymentQueries
from services.backend.payments.servicer import PaymentServicer
from services.backend.quotes.build import Quotes
from services.backend.receivers.build import Receivers
from services.backend.tenants.scope import Scopes
from services.backend.wallet_addresses.queries import WalletAddressQueries


def part(
    *,
    database: Database,
    incoming: IncomingPayments,
    outgoing: OutgoingPayments,
    quotes: Quotes,
    receivers: Receivers,
    wallet_addresses: WalletAddressQueries,
    urls: IncomingPaymentUrls,
    commands: Commands,
    scopes: Scopes,
) -> Part:
    """Their RPCs."""
    servicer = PaymentServicer(
        payments=PaymentQueries(
            database=database, incoming=incoming.queries, outgoing=outgoing.queries
        ),
        incoming=incoming,
        outgoing=outgoing,
        quotes=quotes,
        receivers=receivers,
        wallet_addresses=wallet_addresses,
        urls=urls,
        commands=commands,
        scopes=scopes,
    )
    return Part(servicers=[servicer])
