"""How values look on a page."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from markupsafe import Markup
from rafiki.admin.v1 import asset_service_pb2, event_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from rafiki.common.v1 import money_pb2
from rafiki.grant.v1 import grant_admin_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from rafiki.ledger.v1 import ledger_pb2

from services.frontend.graphql.scalars import json_object
from services.frontend.ui.forms import Form
from services.frontend.ui.money import format_units, plain_units

NOTICES: Final[Mapping[str, str]] = {
    "asset-created": "The asset was created.",
    "asset-deleted": "The asset was deleted.",
    "deposited": "The deposit was booked.",
    "withdrawn": "The withdrawal was booked.",
    "saved": "Your changes were saved.",
    "fee-set": "The fee was set.",
    "peer-created": "The peer was created.",
    "peer-deleted": "The peer was deleted.",
    "wallet-address-created": "The wallet address was created.",
    "key-added": "The key was added.",
    "key-revoked": "The key was revoked.",
    "approved": "The payment was approved.",
    "cancelled": "The payment was cancelled.",
    "funded": "The payment was funded and is being sent.",
    "replayed": "The event is being delivered again.",
    "grant-revoked": "The grant was revoked: its tokens ended.",
    "signed-out": "You are signed out.",
}
_ACCESS_THINGS: Final = {
    "incoming-payment": "Incoming payments",
    "outgoing-payment": "Outgoing payments",
    "quote": "Quotes",
}
_TRANSFER_CODES: Final = {1: "Transfer", 2: "Deposit", 3: "Withdrawal", 4: "Allowance"}


def units(value: int, asset: asset_service_pb2.Asset) -> str:
    """Units of an asset with its code."""
    return f"{format_units(value, asset.scale)} {asset.code}"


def plain(value: int, asset: asset_service_pb2.Asset) -> str:
    """Units as a form field takes them back."""
    return plain_units(value, asset.scale)


def scaled(value: int, scale: int) -> str:
    """Units of a scale, without a code."""
    return format_units(value, scale)


def asset_options(assets: Sequence[asset_service_pb2.Asset]) -> list[tuple[str, str]]:
    """The options of a form's choice of an asset."""
    return [(asset.id, f"{asset.code}, scale {asset.scale}") for asset in assets]


def without_problem(form: Form) -> Form:
    """A form whose problem is shown elsewhere, with its key."""
    shown = Form(form.values)
    shown.keep_key = form.keep_key
    return shown


def amount(value: money_pb2.Amount) -> str:
    """An amount with its asset's code."""
    return f"{format_units(value.value, value.asset_scale)} {value.asset_code}"


def moment(value: Timestamp) -> Markup:
    """A moment for people, with the exact one for programs."""
    when = value.ToDatetime(tzinfo=UTC)
    exact = when.isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}">{}</time>').format(exact, f"{when:%d %b %Y, %H:%M:%S} UTC")


def incoming_state(payment: payments.IncomingPayment) -> str:
    """The state of an incoming payment; one that was cancelled keeps its last state beside it."""
    if payment.HasField("cancelled_at"):
        return "Cancelled"
    return _name(payments.IncomingPaymentState.Name(payment.state), "INCOMING_PAYMENT_STATE_")


def outgoing_state(value: Any) -> str:
    """The state of an outgoing payment."""
    return _name(payments.OutgoingPaymentState.Name(value), "OUTGOING_PAYMENT_STATE_")


def wallet_status(value: Any) -> str:
    """Whether a wallet address can be used."""
    return _name(wallets.WalletAddressStatus.Name(value), "WALLET_ADDRESS_STATUS_")


def delivery_state(delivery: event_service_pb2.WebhookDelivery) -> str:
    """How far a delivery is; one that waits for another attempt has failed so far."""
    if delivery.state == event_service_pb2.DELIVERY_STATE_PENDING and delivery.attempts:
        return "Failing"
    return _name(event_service_pb2.DeliveryState.Name(delivery.state), "DELIVERY_STATE_")


def grant_state(grant: grant_admin_service_pb2.Grant) -> str:
    """The state of a grant; of a final one, why it is."""
    return (grant.finalization_reason or grant.state).capitalize()


def client_name(client: introspection_service_pb2.Client) -> str:
    """A client by its verified wallet address, or by the id of the key that it is known by."""
    if client.HasField("jwk"):
        key_id = json_object(client.jwk).get("kid")
        return f"the key {key_id}" if key_id else "a key without an id"
    return client.wallet_address or "an unknown client"


def access_thing(access_type: str) -> str:
    """What an item of access is about."""
    return _ACCESS_THINGS.get(access_type, access_type)


def fee_type(value: Any) -> str:
    """Which way a fee applies."""
    return _name(asset_service_pb2.FeeType.Name(value), "FEE_TYPE_")


def percent(basis_points: int) -> str:
    """Hundredths of a percent as a percentage."""
    return f"{format_units(basis_points, 2)} %"


def transfer_kind(value: ledger_pb2.Transfer) -> str:
    """What a transfer is for and what became of it."""
    what = _TRANSFER_CODES.get(value.code, "Transfer")
    kinds = {
        ledger_pb2.TRANSFER_KIND_PENDING: "reserved",
        ledger_pb2.TRANSFER_KIND_POST: "posted",
        ledger_pb2.TRANSFER_KIND_VOID: "released",
    }
    kind = kinds.get(value.kind)
    return what if kind is None else f"{what}, {kind}"


def moved(value: ledger_pb2.Transfer, account_id: str, scale: int) -> str:
    """What a transfer added to or took from an account; what only was reserved has no sign."""
    text = format_units(value.amount, scale)
    if value.kind in (ledger_pb2.TRANSFER_KIND_PENDING, ledger_pb2.TRANSFER_KIND_VOID):
        return text
    return f"\N{MINUS SIGN}{text}" if value.debit_account_id == account_id else f"+{text}"


def pretty_json(value: Struct) -> str:
    """A JSON object, indented."""
    return json.dumps(json_object(value), indent=2, ensure_ascii=False)


def _name(full: str, prefix: str) -> str:
    return full.removeprefix(prefix).capitalize()


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "units": units,
    "plain": plain,
    "scaled": scaled,
    "asset_options": asset_options,
    "without_problem": without_problem,
    "amount": amount,
    "moment": moment,
    "incoming_state": incoming_state,
    "outgoing_state": outgoing_state,
    "wallet_status": wallet_status,
    "delivery_state": delivery_state,
    "grant_state": grant_state,
    "client_name": client_name,
    "access_thing": access_thing,
    "fee_type": fee_type,
    "percent": percent,
    "transfer_kind": transfer_kind,
    "moved": moved,
    "pretty_json": pretty_json,
}
