"""A node with something of everything: prepared replies to every read that a page makes."""

from typing import Any

from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.grant.v1 import grant_admin_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from rafiki.routing.v1 import routing_service_pb2
from servicekit.errors import NotFound

from tests.support import admin_messages as messages
from tests.support.admin_messages import uuid
from tests.support.admin_services import AdminServices

USD, EUR, JPY = 1, 2, 3
PEER, WALLET, KEY, EVENT = 10, 20, 30, 40
INCOMING, OUTGOING, ENDED, GRANT = 50, 60, 61, 80

ASSETS = [
    messages.asset(JPY, "JPY", scale=0, liquidity=5_000_000, liquidity_threshold=None),
    messages.asset(EUR, "EUR", liquidity=90_000, liquidity_threshold=100_000),
    messages.asset(USD, "USD", liquidity=123_456_789),
]
PEERS = [messages.peer(PEER, asset=ASSETS[2])]
WALLETS = [
    messages.wallet_address(
        WALLET + 1,
        address="https://cloud-nine.example/bert",
        public_name="Bert Brown",
        status=wallet_address_service_pb2.WALLET_ADDRESS_STATUS_INACTIVE,
    ),
    messages.wallet_address(WALLET),
]
KEYS = [messages.key(KEY), messages.key(KEY + 1, kid="key-0", revoked=True)]
INCOMING_PAYMENTS = [
    messages.incoming_payment(INCOMING),
    messages.incoming_payment(
        INCOMING + 1, state=payment_service_pb2.INCOMING_PAYMENT_STATE_COMPLETED
    ),
]
OUTGOING_PAYMENTS = [
    messages.outgoing_payment(OUTGOING),
    messages.outgoing_payment(
        ENDED,
        state=payment_service_pb2.OUTGOING_PAYMENT_STATE_FAILED,
        error="the receiver's connector does not answer",
        sent_amount=messages.money(600),
    ),
]
EVENTS = [
    messages.event(EVENT),
    messages.event(EVENT + 1, type="asset.liquidity_low", deliveries=[]),
]

GRANTS = [
    messages.grant(GRANT),
    messages.grant(
        GRANT + 1,
        client=introspection_service_pb2.Client(jwk=messages.struct({"kid": "key-7"})),
        access=[introspection_service_pb2.Access(type="quote", actions=["create"])],
        finalization_reason="REVOKED",
    ),
]


def prepare(services: AdminServices) -> None:
    """Let the services answer every read."""
    services.on("GetTenant", lambda request: messages.tenant(request.id))
    _assets_and_peers(services)
    _wallets(services)
    _payments(services)
    _grants(services)
    _ledger(services)


def _one(services: AdminServices, rpc: str, rows: Any) -> None:
    by_id = {row.id: row for row in rows}

    def get(request: Any) -> Any:
        if request.id not in by_id:
            raise NotFound("UNKNOWN", "unknown")
        return by_id[request.id]

    services.on(rpc, get)


def _assets_and_peers(services: AdminServices) -> None:
    _one(services, "GetAsset", ASSETS)
    _one(services, "GetPeer", PEERS)
    services.on("ListAssets", asset_service_pb2.ListAssetsResponse(assets=ASSETS))
    services.on("ListFees", asset_service_pb2.ListFeesResponse(fees=[messages.fee()]))
    services.on(
        "ExplainRoute",
        routing_service_pb2.ExplainRouteResponse(steps=["It matches."], deliverable=True),
    )
    services.on("ListPeers", peer_service_pb2.ListPeersResponse(peers=PEERS))


def _wallets(services: AdminServices) -> None:
    wallets = wallet_address_service_pb2
    by_url = {wallet.address: wallet for wallet in WALLETS}

    def by_its_url(request: wallets.GetWalletAddressByUrlRequest) -> Any:
        if request.url not in by_url:
            raise NotFound("UNKNOWN_WALLET_ADDRESS", "unknown wallet address")
        return by_url[request.url]

    _one(services, "GetWalletAddress", WALLETS)
    services.on("GetWalletAddressByUrl", by_its_url)
    services.on(
        "ListWalletAddresses", wallets.ListWalletAddressesResponse(wallet_addresses=WALLETS)
    )
    services.on("ListWalletAddressKeys", wallets.ListWalletAddressKeysResponse(keys=KEYS))


def _payments(services: AdminServices) -> None:
    payments, more = payment_service_pb2, messages.page(start=uuid(99), end=uuid(1), has_next=True)
    both = [
        *(payments.Payment(outgoing=payment) for payment in OUTGOING_PAYMENTS),
        *(payments.Payment(incoming=payment) for payment in INCOMING_PAYMENTS),
    ]

    def sent(request: payments.ListOutgoingPaymentsRequest) -> Any:
        found = [
            payment for payment in OUTGOING_PAYMENTS if request.receiver in ("", payment.receiver)
        ]
        return payments.ListOutgoingPaymentsResponse(payments=found)

    _one(services, "GetIncomingPayment", INCOMING_PAYMENTS)
    _one(services, "GetOutgoingPayment", OUTGOING_PAYMENTS)
    _one(services, "GetWebhookEvent", EVENTS)
    services.on(
        "ListIncomingPayments",
        payments.ListIncomingPaymentsResponse(payments=INCOMING_PAYMENTS),
    )
    services.on("ListOutgoingPayments", sent)
    services.on("ListPayments", payments.ListPaymentsResponse(payments=both, page_info=more))
    services.on("ListWebhookEvents", event_service_pb2.ListWebhookEventsResponse(events=EVENTS))


def _grants(services: AdminServices) -> None:
    _one(services, "GetGrant", GRANTS)
    services.on("ListGrants", grant_admin_service_pb2.ListGrantsResponse(grants=GRANTS))


def _ledger(services: AdminServices) -> None:
    def balances(request: ledger_service_pb2.LookupAccountsRequest) -> Any:
        held = {uuid(ENDED): 410, uuid(INCOMING + 1): 1_000, uuid(WALLET): 55}
        return ledger_service_pb2.LookupAccountsResponse(
            accounts=[
                messages.account(account_id, credit=held[account_id])
                for account_id in request.ids
                if account_id in held
            ]
        )

    def transfers(request: ledger_service_pb2.ListAccountTransfersRequest) -> Any:
        if request.account_id != uuid(ENDED):
            return ledger_service_pb2.ListAccountTransfersResponse()
        sent = ledger_pb2.Transfer(
            id=uuid(71),
            debit_account_id=uuid(ENDED),
            credit_account_id=uuid(PEER),
            amount=600,
            ledger=1,
            code=1,
            kind=ledger_pb2.TRANSFER_KIND_POST,
            pending_id=uuid(72),
            applied_at=messages.stamp("2030-01-31T12:30:21Z"),
        )
        reserved = ledger_pb2.Transfer(
            id=uuid(72),
            debit_account_id=uuid(ENDED),
            credit_account_id=uuid(PEER),
            amount=600,
            ledger=1,
            code=1,
            kind=ledger_pb2.TRANSFER_KIND_PENDING,
            applied_at=messages.stamp("2030-01-31T12:30:20Z"),
        )
        funded = ledger_pb2.Transfer(
            id=uuid(70),
            debit_account_id=uuid(1),
            credit_account_id=uuid(ENDED),
            amount=1_010,
            ledger=1,
            code=2,
            kind=ledger_pb2.TRANSFER_KIND_SINGLE,
            applied_at=messages.stamp("2030-01-31T12:30:19Z"),
        )
        return ledger_service_pb2.ListAccountTransfersResponse(transfers=[sent, reserved, funded])

    services.on("LookupAccounts", balances)
    services.on("ListAccountTransfers", transfers)
