"""The use cases of outgoing payments, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.ids import IdSource
from servicekit.tracing import Tracing

from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.events.writer import EventWriter
from services.backend.outgoing_payments.abandoned import AbandonedPackets, Entries
from services.backend.outgoing_payments.books import OutgoingBooks, PaymentLedger
from services.backend.outgoing_payments.commands.cancel_payment import CancelPayment
from services.backend.outgoing_payments.commands.create_payment import CreatePayment
from services.backend.outgoing_payments.commands.follow_ledger import FollowLedger
from services.backend.outgoing_payments.commands.fund_payment import FundPayment
from services.backend.outgoing_payments.commands.record_attempt import RecordAttempt
from services.backend.outgoing_payments.commands.return_deposit import ReturnDeposit
from services.backend.outgoing_payments.due import DuePayments
from services.backend.outgoing_payments.handover import Handover
from services.backend.outgoing_payments.paying import LocalCredit, Paying
from services.backend.outgoing_payments.queries import OutgoingPaymentQueries
from services.backend.outgoing_payments.worker import (
    OutgoingPaymentWorker,
    PaymentConnector,
    WorkerCommands,
)
from services.backend.quotes.build import Quotes
from services.backend.receivers.service import ReceiverService


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingPayments:
    """Everything that can be done with outgoing payments."""

    queries: OutgoingPaymentQueries
    create: CreatePayment
    fund: FundPayment
    cancel: CancelPayment
    due: DuePayments
    worker: OutgoingPaymentWorker


def build(
    *,
    database: Database,
    commands: Commands,
    ledger: PaymentLedger,
    wallet_addresses: WalletAddresses,
    quotes: Quotes,
    receivers: ReceiverService,
    connector: PaymentConnector,
    due: DuePayments,
    entries: Entries,
    local_credit: LocalCredit,
    events: EventWriter,
    attempts_max: int,
    in_flight_max: int,
    tracing: Tracing | None = None,
    clock: Clock,
    ids: IdSource,
) -> OutgoingPayments:
    """Wire them."""
    books = OutgoingBooks(ledger)
    queries = OutgoingPaymentQueries(
        database=database, ledger=ledger, wallet_addresses=wallet_addresses, clock=clock
    )
    handover = Handover()
    writes = WorkerCommands(
        record=RecordAttempt(books=books, events=events, clock=clock, attempts_max=attempts_max),
        follow=FollowLedger(books=books, events=events, clock=clock),
        return_deposit=ReturnDeposit(books=books),
    )
    paying = Paying(
        ledger=ledger,
        receivers=receivers,
        path_limits=quotes.path_limits,
        local_credit=local_credit,
        clock=clock,
        ids=ids,
    )
    return OutgoingPayments(
        queries=queries,
        create=CreatePayment(
            wallets=wallet_addresses,
            quotes=quotes.queries,
            create_quote=quotes.create,
            receivers=receivers,
            handover=handover,
            events=events,
            clock=clock,
        ),
        fund=FundPayment(
            queries=queries, handover=handover, books=books, events=events, clock=clock
        ),
        cancel=CancelPayment(database=database, queries=queries, books=books, clock=clock),
        due=due,
        worker=OutgoingPaymentWorker(
            database=database,
            commands=commands,
            writes=writes,
            books=books,
            abandoned=AbandonedPackets(books=books, entries=entries, clock=clock),
            paying=paying,
            connector=connector,
            listener=due,
            handover=handover,
            clock=clock,
            in_flight_max=in_flight_max,
            tracing=tracing,
        ),
    )
