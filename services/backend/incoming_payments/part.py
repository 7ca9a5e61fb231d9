"""What incoming payments add to a process."""

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.parts import Heard, Part

from services.backend.incoming_payments.build import IncomingPayments
from services.backend.incoming_payments.commands.create_incoming_payment import (
    ActiveWalletAddresses,
)
from services.backend.incoming_payments.commands.end_incoming_payments import PAYMENT_CHANNEL
from services.backend.incoming_payments.servicer import (
    IncomingPaymentServicer,
    PaymentUrls,
    PublicIncomingPaymentServicer,
    StreamCredentials,
)


def part(
    payments: IncomingPayments,
    *,
    wallet_addresses: ActiveWalletAddresses,
    commands: Commands,
    credentials: StreamCredentials,
    urls: PaymentUrls,
    clock: Clock,
) -> Part:
    """The RPCs of Open Payments, and the payments' ends."""
    servicer = IncomingPaymentServicer(
        payments=payments,
        wallet_addresses=wallet_addresses,
        commands=commands,
        credentials=credentials,
        urls=urls,
        clock=clock,
    )
    payables = payments.payables
    return Part(
        servicers=[servicer, PublicIncomingPaymentServicer(payments=payments.queries, urls=urls)],
        workers={"incoming payments": payments.worker.run},
        channels={
            PAYMENT_CHANNEL: Heard(on_notify=payables.on_notify, on_reload=payables.on_reload)
        },
    )
