"""Messages that the admin services answer with, complete and like real ones."""

from typing import Any
from uuid import UUID

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    tenant_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.common.v1 import money_pb2, paging_pb2
from rafiki.grant.v1 import grant_admin_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from rafiki.ledger.v1 import ledger_pb2

OPERATOR = "438fa74a-fa7d-4317-9ced-dde32ece1787"
TENANT = "1f0b8b9c-5a5e-4f6c-8a52-2d6a9a3f8a11"
STRANGER = "0c1d2e3f-1111-4222-8333-444455556666"
MOMENT = "2030-01-31T12:30:15.250Z"


def uuid(number: int) -> str:
    """A UUID that a reader can tell from others."""
    return str(UUID(int=number, version=4))


def stamp(text: str = MOMENT) -> Timestamp:
    value = Timestamp()
    value.FromJsonString(text)
    return value


def page(
    *,
    start: str | None = None,
    end: str | None = None,
    has_next: bool = False,
    has_previous: bool = False,
) -> paging_pb2.PageInfo:
    return paging_pb2.PageInfo(
        start_cursor=start, end_cursor=end, has_next_page=has_next, has_previous_page=has_previous
    )


def money(value: int, code: str = "USD", scale: int = 2) -> money_pb2.Amount:
    return money_pb2.Amount(value=value, asset_code=code, asset_scale=scale)


def struct(value: dict[str, Any]) -> Struct:
    message = Struct()
    message.update(value)
    return message


def asset(number: int = 1, code: str = "USD", **changes: Any) -> asset_service_pb2.Asset:
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "code": code,
        "scale": 2,
        "ledger": 1,
        "liquidity": 18_446_744_073_709_551_615,
        "liquidity_threshold": 1_000,
        "created_at": stamp(),
    }
    return asset_service_pb2.Asset(**(known | changes))


def fee(number: int = 1, **changes: Any) -> asset_service_pb2.Fee:
    known: dict[str, Any] = {
        "id": uuid(number),
        "asset_id": uuid(1),
        "type": asset_service_pb2.FEE_TYPE_SENDING,
        "fixed": 5,
        "basis_points": 100,
        "created_at": stamp(),
    }
    return asset_service_pb2.Fee(**(known | changes))


def peer(number: int = 1, **changes: Any) -> peer_service_pb2.Peer:
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "asset": asset(),
        "static_ilp_address": "test.happy-life-bank",
        "name": "Happy Life Bank",
        "outgoing": peer_service_pb2.PeerHttpOutgoing(
            endpoint="https://happy-life.example/ilp", auth_token="outgoing-token"
        ),
        "max_packet_amount": 1_000,
        "liquidity": 250_000,
        "routes": ["test.happy-life-bank.branch"],
        "created_at": stamp(),
    }
    return peer_service_pb2.Peer(**(known | changes))


def wallet_address(number: int = 1, **changes: Any) -> wallet_address_service_pb2.WalletAddress:
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "asset": asset(),
        "address": "https://cloud-nine.example/alice",
        "public_name": "Alice Adams",
        "status": wallet_address_service_pb2.WALLET_ADDRESS_STATUS_ACTIVE,
        "additional_properties": [
            wallet_address_service_pb2.AdditionalProperty(
                key="iban", value="NL93 8601 1117 947", visible_in_open_payments=True
            )
        ],
        "created_at": stamp(),
    }
    return wallet_address_service_pb2.WalletAddress(**(known | changes))


def key(number: int = 1, **changes: Any) -> wallet_address_service_pb2.WalletAddressKey:
    known: dict[str, Any] = {
        "id": uuid(number),
        "wallet_address_id": uuid(1),
        "kid": "key-1",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "revoked": False,
        "created_at": stamp(),
    }
    return wallet_address_service_pb2.WalletAddressKey(**(known | changes))


def incoming_payment(number: int = 1, **changes: Any) -> payment_service_pb2.IncomingPayment:
    known: dict[str, Any] = {
        "id": uuid(number),
        "url": f"https://cloud-nine.example/incoming-payments/{uuid(number)}",
        "tenant_id": OPERATOR,
        "wallet_address_id": uuid(100),
        "client": "https://shop.example/app",
        "state": payment_service_pb2.INCOMING_PAYMENT_STATE_PROCESSING,
        "incoming_amount": money(2_500),
        "received_amount": money(1_000),
        "metadata": struct({"description": "Two tickets", "count": 2}),
        "expires_at": stamp("2030-02-28T12:00:00Z"),
        "created_at": stamp(),
    }
    return payment_service_pb2.IncomingPayment(**(known | changes))


def quote(number: int = 1, **changes: Any) -> payment_service_pb2.Quote:
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "wallet_address_id": uuid(100),
        "receiver": "https://happy-life.example/incoming-payments/1",
        "debit_amount": money(1_010),
        "receive_amount": money(920, "EUR"),
        "expires_at": stamp("2030-01-31T12:35:15Z"),
        "created_at": stamp(),
    }
    return payment_service_pb2.Quote(**(known | changes))


def receiver(**changes: Any) -> payment_service_pb2.Receiver:
    known: dict[str, Any] = {
        "id": "https://happy-life.example/incoming-payments/1",
        "wallet_address_url": "https://happy-life.example/carla",
        "incoming_amount": money(920, "EUR"),
        "received_amount": money(0, "EUR"),
        "completed": False,
        "created_at": stamp(),
    }
    return payment_service_pb2.Receiver(**(known | changes))


def outgoing_payment(number: int = 1, **changes: Any) -> payment_service_pb2.OutgoingPayment:
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "wallet_address_id": uuid(100),
        "state": payment_service_pb2.OUTGOING_PAYMENT_STATE_FUNDING,
        "state_attempts": 0,
        "receiver": "https://happy-life.example/incoming-payments/1",
        "debit_amount": money(1_010),
        "receive_amount": money(920, "EUR"),
        "sent_amount": money(0),
        "grant_id": "grant-1",
        "created_at": stamp(),
    }
    return payment_service_pb2.OutgoingPayment(**(known | changes))


def grant(number: int = 1, **changes: Any) -> grant_admin_service_pb2.Grant:
    outgoing = introspection_service_pb2.Access(
        type="outgoing-payment",
        actions=["create", "read"],
        identifier="https://cloud-nine.example/alice",
        limits=introspection_service_pb2.Limits(
            debit_amount=money(123_456, "EUR"), interval="R/2030-01-01T00:00:00Z/P1M"
        ),
    )
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "client": introspection_service_pb2.Client(wallet_address="https://shop.example/app"),
        "access": [outgoing],
        "state": "FINALIZED",
        "finalization_reason": "ISSUED",
        "created_at": stamp(),
    }
    return grant_admin_service_pb2.Grant(**(known | changes))


def event(number: int = 1, **changes: Any) -> event_service_pb2.WebhookEvent:
    known: dict[str, Any] = {
        "id": uuid(number),
        "tenant_id": OPERATOR,
        "type": "outgoing_payment.created",
        "data": struct({"id": uuid(7), "stateAttempts": 0}),
        "created_at": stamp(),
        "deliveries": [
            event_service_pb2.WebhookDelivery(
                id=uuid(900 + number),
                url="https://bank.example/webhooks",
                state=event_service_pb2.DELIVERY_STATE_PARKED,
                attempts=10,
                status_code=503,
                last_error="answered 503",
            )
        ],
    }
    return event_service_pb2.WebhookEvent(**(known | changes))


def tenant(tenant_id: str = OPERATOR, **changes: Any) -> tenant_service_pb2.Tenant:
    known: dict[str, Any] = {
        "id": tenant_id,
        "email": "ops@cloud-nine.example",
        "public_name": "Cloud Nine Wallet",
        "idp_consent_url": "https://idp.cloud-nine.example/consent",
        "settings": [
            tenant_service_pb2.TenantSetting(
                key="WEBHOOK_URL", value="https://bank.example/webhooks"
            )
        ],
        "created_at": stamp(),
    }
    return tenant_service_pb2.Tenant(**(known | changes))


def account(account_id: str, *, credit: int, debit: int = 0, pending: int = 0) -> Any:
    return ledger_pb2.Account(
        id=account_id,
        ledger=1,
        kind=ledger_pb2.ACCOUNT_KIND_OUTGOING_PAYMENT,
        debits_posted=str(debit),
        debits_pending=str(pending),
        credits_posted=str(credit),
        credits_pending="0",
    )
