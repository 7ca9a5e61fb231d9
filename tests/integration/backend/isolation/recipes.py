"""What the walk puts into each field of each request.

A recipe is found by the most specific name: `Service.Method.field`, `Service.field`, then `field`;
of a message inside of a request, `Message.field`. A field without a recipe fails the walk.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from ilpkit.ilp.packet import Prepare, encode_prepare
from rafiki.admin.v1 import (
    asset_service_pb2,
    peer_service_pb2,
    unknown_packet_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.common.v1.money_pb2 import Asset
from rafiki.common.v1.paging_pb2 import PageRequest
from rafiki.connector.v1.connector_service_pb2 import SequencedPacket

from tests.integration.backend.isolation.belongings import Belongings, code, mark
from tests.integration.backend.payments.node import amount, key
from tests.support.contracts import services


@dataclass(frozen=True, slots=True)
class Thing:
    """Names a thing of one of the tenants: the walk tries each tenant's."""

    kind: str
    """A method of Belongings."""
    inside: Callable[[str, Belongings], Any] = lambda name, _: name
    """How the field carries the name."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something that the caller says, whomever's things the request names."""

    make: Callable[[Belongings], Any]


class Absent:
    """The field stays out."""


Recipe = Thing | Value | Absent
ABSENT: Final = Absent()


def _said(value: Any) -> Value:
    return Value(lambda _: value)


def _metadata() -> Struct:
    made = Struct()
    made.update({"said": "by the caller"})
    return made


def _in_a_day(caller: Belongings) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(caller.node.clock.now() + timedelta(days=1))
    return made


def _packet(destination: str, caller: Belongings) -> bytes:
    """A packet of no money to an address."""
    return encode_prepare(
        Prepare(
            amount=0,
            expires_at_ms=caller.node.clock.now_ms() + 10_000,
            condition=bytes(32),
            destination=destination,
        )
    )


_OPEN_PAYMENTS: Final = "IncomingPaymentService", "OutgoingPaymentService", "QuoteService"
FIELDS: Final[Mapping[str, Recipe]] = {
    # Who acts: in the admin contracts a field, in Open Payments the path.
    "tenant_id": Value(lambda caller: caller.tenant.id),
    # Things.
    "account_id": Thing("peer"),
    "asset_id": Thing("asset"),
    "incoming_payment": Thing("receiver"),
    "incoming_payment_id": Thing("received"),
    "outgoing_payment_id": Thing("outgoing"),
    "peer_id": Thing("peer"),
    "quote_id": Thing("quote"),
    "receiver": Thing("receiver"),
    "url": Thing("receiver"),
    "wallet_address": Thing("wallet_url"),
    "wallet_address_id": Thing("wallet"),
    "wallet_address_url": Thing("wallet_url"),
    "withdrawal_id": Thing("withdrawal"),
    # What `id` names in each service, and other names for the same.
    "AssetService.id": Thing("asset"),
    "AssetService.GetAssetByCodeAndScale.code": Thing("asset_code"),
    "ConnectorService.prepare": Thing("route", _packet),
    "ConnectorService.packets": Thing(
        "route",
        lambda route, caller: [SequencedPacket(sequence=1, packet=_packet(route, caller))],
    ),
    "EventService.id": Thing("event"),
    "LiquidityService.id": Value(lambda _: str(uuid4())),
    "LiquidityService.DepositAssetLiquidity.id": Thing("deposit_id"),
    "LiquidityService.WithdrawAssetLiquidity.asset_id": Thing("asset_with_money"),
    "LiquidityService.WithdrawPeerLiquidity.peer_id": Thing("peer_with_money"),
    "LiquidityService.WithdrawIncomingPayment.event_id": Thing("event_to_withdraw"),
    "LiquidityService.WithdrawOutgoingPayment.event_id": Thing("event_of_failed"),
    "LiquidityService.WithdrawOutgoingPayment.outgoing_payment_id": Thing("failed"),
    "LiquidityService.WithdrawWalletAddress.wallet_address_id": Thing("wallet_with_money"),
    "PeerService.id": Thing("peer"),
    "PeerService.GetPeerByAddressAndAsset.static_ilp_address": Thing("peer_address"),
    "PaymentService.id": Thing("incoming"),
    "PaymentService.GetQuote.id": Thing("quote"),
    "PaymentService.GetOutgoingPayment.id": Thing("outgoing"),
    "PaymentService.CancelOutgoingPayment.id": Thing("outgoing"),
    "IncomingPaymentService.id": Thing("incoming"),
    "PublicIncomingPaymentService.id": Thing("incoming"),
    "OutgoingPaymentService.id": Thing("outgoing"),
    "OutgoingPaymentService.quote_id": Thing("quote_url"),
    "QuoteService.id": Thing("quote"),
    "UnknownPacketService.id": Thing("unknown_packet"),
    "WalletAddressAdminService.id": Thing("wallet"),
    "WalletAddressAdminService.RevokeWalletAddressKey.id": Thing("wallet_key"),
    "WalletAddressAdminService.GetWalletAddressByUrl.url": Thing("wallet_url"),
    "WalletAddressService.url": Thing("wallet_url"),
    "RoutingService.destination": Thing("route"),
    # What the caller says.
    "additional_properties": ABSENT,
    "address": Value(lambda _: mark()),
    "amount": _said(1),
    "RoutingService.amount": _said(amount(1)),
    "base": _said(Asset(code="USD", scale=2)),
    "counter": _said(Asset(code="USD", scale=2)),
    "basis_points": _said(1),
    "code": Value(lambda _: code()),
    "cursor": ABSENT,
    "data_to_transmit": _said(b"data"),
    "expires_at": Value(_in_a_day),
    "first": ABSENT,
    "last": ABSENT,
    "latest": _said(False),
    "fixed": _said(1),
    "idempotency_key": Value(lambda _: key()),
    "include_resolved": _said(True),
    "incoming_amount": _said(amount(1)),
    "incoming_auth_tokens": Value(lambda _: [mark()]),
    "PeerService.UpdatePeer.incoming_auth_tokens": ABSENT,
    "PeerService.UpdatePeer.routes": ABSENT,
    "peer_url": _said("http://127.0.0.1:1/"),
    "liquidity_to_deposit": _said(1),
    "initial_liquidity": _said(1),
    "kid": Value(lambda _: mark()),
    "limit": _said(10),
    "liquidity_threshold": _said(1),
    "max_packet_amount": _said(1_000_000),
    "metadata": Value(lambda _: _metadata()),
    "method": _said("ilp"),
    "name": _said("a name"),
    "outgoing": _said(
        peer_service_pb2.PeerHttpOutgoing(endpoint="http://127.0.0.1:1/", auth_token="theirs")
    ),
    "page": _said(PageRequest()),
    "path": ABSENT,
    "public_name": _said("a name"),
    "reason": _said("a reason"),
    "resolution": _said(unknown_packet_service_pb2.UNKNOWN_PACKET_RESOLUTION_SOURCE),
    "routes": Value(lambda _: [f"test.{mark()}"]),
    "scale": _said(2),
    "states": ABSENT,
    "static_ilp_address": Value(lambda _: f"test.{mark()}"),
    "status": _said(wallet_address_service_pb2.WALLET_ADDRESS_STATUS_ACTIVE),
    "timeout_seconds": _said(0),
    "type": _said(asset_service_pb2.FEE_TYPE_SENDING),
    "types": ABSENT,
    "update_mask": _said(FieldMask(paths=["name"])),
    "wait_ms": _said(0),
    "withdrawal_threshold": _said(1),
    "x": _said("oy0L_vTygNE4IogRyn_F5GmHXdqYVjIXkWs2jky7zsI"),
    # One of two amounts, in each request that takes both.
    "debit_amount": ABSENT,
    "receive_amount": _said(amount(10)),
    "PaymentService.CreateOutgoingPaymentFromIncomingPayment.debit_amount": _said(amount(10)),
    "OutgoingPaymentService.CreateOutgoingPayment.incoming_payment": ABSENT,
}

KINDS: Final = sorted({each.kind for each in FIELDS.values() if isinstance(each, Thing)})
"""All kinds of things that requests name."""

_NO_TENANT: Final = "it has no field that says which tenant acts; the edge decides who may"
OPERATOR_ONLY: Final[Mapping[str, str]] = {
    "LedgerService.*": "the operator's tools; tenants are shown balances of what is their own",
    "ReconciliationService.*": "the operator's tools; what it tells is of the whole node",
    "SessionService.*": "the edge asks whose a session is, by its secret name alone",
    "TenantService.VerifyApiSignature": "the edge asks who signed, by the signature alone",
    "TenantService.CreateTenant": _NO_TENANT,
    "TenantService.GetTenant": _NO_TENANT,
    "TenantService.ListTenants": _NO_TENANT,
    "TenantService.UpdateTenant": _NO_TENANT,
    "TenantService.DeleteTenant": _NO_TENANT,
    "TenantService.SetTenantSettings": "its tenant_id is whose settings are set",
}
"""RPCs that don't say which tenant acts. The operator's listener alone has them; tenants get what
they get of them through the Admin API."""

BY_TOKEN: Final[Mapping[str, str]] = {
    "ConnectorService.*": "a peer acts, by its token: the one that its tenant gave it",
}
"""RPCs whose caller is told by a secret."""

AS_ANOTHER_BANK: Final[Mapping[str, str]] = {
    "WalletAddressService.*": "anyone may read what a wallet address shows",
    "PublicIncomingPaymentService.*": "anyone may read where a payment's bank gives grants",
    "PaymentService.CreateReceiver": "the payee may have an account at any bank",
    "PaymentService.GetReceiver": "the payee may have an account at any bank",
    "PaymentService.CompleteReceiver": "the payee may have an account at any bank",
    "PaymentService.CreateQuote": "the payee may have an account at any bank",
    "QuoteService.CreateQuote": "the payee may have an account at any bank",
    "PaymentService.CreateOutgoingPaymentFromIncomingPayment": "the payee may be at any bank",
}
"""RPCs that show of another tenant's things what any bank on the Internet is shown, and make there
what any bank may make."""

UNSUCCESSFUL: Final[Mapping[str, str]] = {
    "LiquidityService.DepositAssetLiquidity": "ALREADY_EXISTS TRANSFER_EXISTS",
    "PeerService.CreateOrUpdatePeerByUrl": "NOT_FOUND UNKNOWN_PEER",
    "WalletAddressAdminService.TriggerWalletAddressEvents": "UNIMPLEMENTED UNIMPLEMENTED",
}
"""RPCs that answer an error also to the owner of what is named, and which."""


CONTRACTS: Final = tuple(
    f"rafiki.{name}." for name in ("admin", "openpayments", "connector", "ledger", "routing")
)
SERVICES: Final = [each for each in services() if each.full_name.startswith(CONTRACTS)]
METHODS: Final = [method for service in SERVICES for method in service.methods]


def name_of(method: MethodDescriptor) -> str:
    """As the tables above call it."""
    return f"{method.containing_service.name}.{method.name}"


def of_tenants() -> list[MethodDescriptor]:
    """The RPCs that a tenant may cause."""
    return [each for each in METHODS if looked_up(OPERATOR_ONLY, each) is None]


def looked_up(table: Mapping[str, Any], method: MethodDescriptor) -> Any:
    """The entry of an RPC or of its whole service."""
    service = method.containing_service.name
    return table.get(f"{service}.{method.name}", table.get(f"{service}.*"))


def recipe(method: MethodDescriptor, field: FieldDescriptor) -> Recipe:
    """What goes into a field of the method's request."""
    service = method.containing_service.name
    for name in (f"{service}.{method.name}.{field.name}", f"{service}.{field.name}", field.name):
        if name in FIELDS:
            return FIELDS[name]
    raise AssertionError(
        f"{method.full_name} has the field {field.name}: say in FIELDS of"
        f" {__file__} what the walk puts there"
    )
