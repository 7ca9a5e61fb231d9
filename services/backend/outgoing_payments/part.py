"""What outgoing payments add to a process."""

from collections.abc import Callable

from servicekit.commands import Commands
from servicekit.parts import Part, waking

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.outgoing_payments.build import OutgoingPayments
from services.backend.outgoing_payments.due import DUE_CHANNEL, PAID_CHANNEL
from services.backend.outgoing_payments.servicer import OutgoingPaymentServicer, PaymentUrls


def part(
    payments: OutgoingPayments,
    *,
    wallet_addresses: WalletAddresses,
    commands: Commands,
    urls: PaymentUrls,
    receiver_paid: Callable[[str], None],
    sends: bool,
) -> Part:
    """The RPCs of Open Payments, and in a process that `sends` the work itself.

    `receiver_paid` is called with the URL of each receiver that a payment of the node ended at.
    """
    servicer = OutgoingPaymentServicer(
        queries=payments.queries,
        create=payments.create,
        wallets=wallet_addresses,
        commands=commands,
        urls=urls,
    )
    paid = waking(PAID_CHANNEL, receiver_paid)
    if not sends:
        return Part(servicers=[servicer], channels=paid)
    return Part(
        servicers=[servicer],
        workers={"outgoing payments": payments.worker.run},
        channels={**paid, **waking(DUE_CHANNEL, payments.worker.heard)},
        measures=payments.worker.measures.collectors,
    )
