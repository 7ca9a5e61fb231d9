"""The use cases of receivers, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.clients.open_payments import OpenPaymentsClient
from services.backend.directory.wallet_addresses import WalletAddresses
from services.backend.incoming_payments.build import IncomingPayments
from services.backend.receivers.commands.complete_receiver import CompleteReceiver
from services.backend.receivers.commands.create_receiver import CreateReceiver
from services.backend.receivers.grants import RemoteGrants
from services.backend.receivers.local import LocalReceivers, Payables, PaymentUrls, Tenants
from services.backend.receivers.sealed import ReceiverSeal
from services.backend.receivers.service import ReceiverService


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """Everything that can be done with receivers."""

    queries: ReceiverService
    create: CreateReceiver
    complete: CompleteReceiver


def build(
    *,
    database: Database,
    client: OpenPaymentsClient,
    incoming_payments: IncomingPayments,
    wallet_addresses: WalletAddresses,
    payables: Payables,
    tenants: Tenants,
    urls: PaymentUrls,
    secret: bytes,
    clock: Clock,
    ids: IdSource,
) -> Receivers:
    """Wire them."""
    local = LocalReceivers(
        payments=incoming_payments.queries,
        wallet_addresses=wallet_addresses,
        payables=payables,
        tenants=tenants,
        urls=urls,
    )
    receivers = ReceiverService(
        local=local,
        client=client,
        grants=RemoteGrants(database=database, client=client, clock=clock),
        seal=ReceiverSeal(secret=secret, ids=ids),
        clock=clock,
    )
    return Receivers(
        queries=receivers,
        create=CreateReceiver(local=local, receivers=receivers, create=incoming_payments.create),
        complete=CompleteReceiver(
            local=local, receivers=receivers, complete=incoming_payments.complete
        ),
    )
