"""The use cases of incoming payments, put together."""

from dataclasses import dataclass
from datetime import timedelta

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.directory.worker import Directory
from services.backend.events.writer import EventWriter
from services.backend.incoming_payments.books import IncomingBooks, PaymentLedger
from services.backend.incoming_payments.commands.approve_incoming_payment import (
    ApproveIncomingPayment,
)
from services.backend.incoming_payments.commands.cancel_incoming_payment import (
    CancelIncomingPayment,
)
from services.backend.incoming_payments.commands.complete_incoming_payment import (
    CompleteIncomingPayment,
)
from services.backend.incoming_payments.commands.create_incoming_payment import (
    CreateIncomingPayment,
)
from services.backend.incoming_payments.commands.end_incoming_payments import EndIncomingPayments
from services.backend.incoming_payments.commands.update_incoming_payment import (
    UpdateIncomingPayment,
)
from services.backend.incoming_payments.endings import Endings
from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.payables import PayablesCache
from services.backend.incoming_payments.queries import IncomingPaymentQueries
from services.backend.incoming_payments.worker import IncomingPaymentWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPayments:
    """Everything that can be done with incoming payments."""

    queries: IncomingPaymentQueries
    payables: PayablesCache
    create: CreateIncomingPayment
    complete: CompleteIncomingPayment
    cancel: CancelIncomingPayment
    approve: ApproveIncomingPayment
    update: UpdateIncomingPayment
    endings: Endings
    worker: IncomingPaymentWorker


def build(
    *,
    database: Database,
    commands: Commands,
    ledger: PaymentLedger,
    directory: Directory,
    wallet_addresses: WalletAddresses,
    events: EventWriter,
    clock: Clock,
    ids: IdSource,
    expiry_max: timedelta,
) -> IncomingPayments:
    """Wire them."""
    books = IncomingBooks(ledger)
    kept = KeptPayments()
    queries = IncomingPaymentQueries(
        database=database,
        books=books,
        kept=kept,
        payees=wallet_addresses,
        directory=directory,
    )
    payables = PayablesCache(payments=queries, kept=kept)
    end = EndIncomingPayments(queries=queries, kept=kept, books=books, events=events, clock=clock)
    endings = Endings(commands=commands, command=end, queries=queries)
    return IncomingPayments(
        queries=queries,
        payables=payables,
        create=CreateIncomingPayment(
            wallet_addresses=wallet_addresses,
            books=books,
            events=events,
            listener=payables,
            clock=clock,
            ids=ids,
            expiry_max=expiry_max,
        ),
        complete=CompleteIncomingPayment(queries=queries, endings=endings),
        cancel=CancelIncomingPayment(queries=queries, books=books, endings=endings, clock=clock),
        approve=ApproveIncomingPayment(queries=queries, kept=kept, clock=clock),
        update=UpdateIncomingPayment(queries=queries, kept=kept),
        endings=endings,
        worker=IncomingPaymentWorker(database=database, endings=endings, clock=clock),
    )
