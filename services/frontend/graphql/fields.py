"""Fields whose messages don't have them under their names: derived, fixed, or asked for."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    liquidity_service_pb2,
    payment_service_pb2,
    tenant_service_pb2,
)
from rafiki.grant.v1 import grant_admin_service_pb2, grant_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2

from services.frontend.graphql.context import AdminContext
from services.frontend.graphql.replies import Shown
from services.frontend.graphql.scalars import iso

_SETTINGS: Final = frozenset(
    {"EXCHANGE_RATES_URL", "WEBHOOK_URL", "WEBHOOK_TIMEOUT", "WEBHOOK_MAX_RETRY"}
    | {"WALLET_ADDRESS_URL", "ILP_ADDRESS"}
)


class Part(NamedTuple):
    """A part of a grant; it has no row of its own, so its id derives from the grant's."""

    id: str
    grant: Any
    message: Any


def _parts(grant: Any, kind: str, items: Any) -> list[Part]:
    return [
        Part(str(uuid5(NAMESPACE_OID, f"{grant.id} {kind} {index}")), grant, item)
        for index, item in enumerate(items)
    ]


def _client(grant: Any, _context: AdminContext) -> str | None:
    client = grant.client
    if client.HasField("wallet_address"):
        return str(client.wallet_address)
    return MessageToJson(client.jwk, indent=None) if client.HasField("jwk") else None


def _fixed(value: Any) -> Shown:
    return Shown(lambda _source, _context: value)


async def _fee(asset: Any, context: AdminContext, kind: int) -> Message | None:
    return (await context.loaders.fees.load(asset.id)).get(kind)


def _side(name: str) -> Shown:
    """An account's transfers on one side."""

    def read(answered: Any, _context: AdminContext) -> list[Any]:
        account = answered.request.account_id
        return [one for one in answered.reply.transfers if getattr(one, name) == account]

    return Shown(read, to=liquidity_service_pb2.AccountingTransfer.DESCRIPTOR)


def _secret(tenant: Any, context: AdminContext) -> Any:
    return context.secrets.get(tenant.id, tenant_service_pb2.UpdateTenantRequest())


_FEE: Final = asset_service_pb2.Fee.DESCRIPTOR
FIELDS: Final[Mapping[str, Shown]] = {
    "AccountingTransfer.transferType": Shown(
        lambda transfer, _: liquidity_service_pb2.AccountingTransferType.Name(
            transfer.type
        ).removeprefix("ACCOUNTING_TRANSFER_TYPE_")
    ),
    "AccountingTransferConnection.debits": _side("debit_account_id"),
    "AccountingTransferConnection.credits": _side("credit_account_id"),
    "Asset.sendingFee": Shown(
        lambda asset, context: _fee(asset, context, asset_service_pb2.FEE_TYPE_SENDING), to=_FEE
    ),
    "Asset.receivingFee": Shown(
        lambda asset, context: _fee(asset, context, asset_service_pb2.FEE_TYPE_RECEIVING), to=_FEE
    ),
    "Payment.type": Shown(
        lambda payment, _: (
            "INCOMING" if isinstance(payment, payment_service_pb2.IncomingPayment) else "OUTGOING"
        )
    ),
    "PaymentNotice.payment": Shown(lambda notice, _: notice.message),
    "PaymentNotice.cursor": Shown(lambda notice, _: notice.cursor),
    "WebhookEventNotice.event": Shown(
        lambda notice, _: notice.message, to=event_service_pb2.WebhookEvent.DESCRIPTOR
    ),
    "WebhookEventNotice.cursor": Shown(lambda notice, _: notice.cursor),
    "Quote.estimatedExchangeRate": _fixed(None),
    "IncomingPayment.senderWalletAddress": _fixed(None),
    "Jwk.alg": _fixed("EdDSA"),
    "Jwk.kty": _fixed("OKP"),
    "Jwk.crv": _fixed("Ed25519"),
    "Tenant.apiSecret": Shown(lambda tenant, context: _secret(tenant, context).api_secret),
    "Tenant.idpSecret": Shown(lambda tenant, context: _secret(tenant, context).idp_secret or None),
    "Tenant.settings": Shown(
        lambda tenant, _: [one for one in tenant.settings if one.key in _SETTINGS],
        to=tenant_service_pb2.TenantSetting.DESCRIPTOR,
    ),
    "TenantMutationResponse.tenant": Shown(
        lambda tenant, _: tenant, to=tenant_service_pb2.Tenant.DESCRIPTOR
    ),
    "CreateTenantSettingsMutationResponse.settings": Shown(
        lambda tenant, _: [one for one in tenant.settings if one.key in _SETTINGS],
        to=tenant_service_pb2.TenantSetting.DESCRIPTOR,
    ),
    "TriggerWalletAddressEventsMutationResponse.count": _fixed(None),
    "WhoamiResponse.id": Shown(lambda caller, _: caller.tenant_id),
    "RevokeGrantMutationResponse.id": Shown(lambda answered, _: answered.request.id),
    "Grant.client": Shown(_client),
    "Grant.access": Shown(
        lambda grant, _: _parts(grant, "access", grant.access),
        to=introspection_service_pb2.Access.DESCRIPTOR,
        part="message",
    ),
    "Access.id": Shown(lambda part, _: part.id),
    "Access.createdAt": Shown(lambda part, _: iso(part.grant.created_at)),
    "Grant.subject": Shown(
        lambda grant, _: grant if grant.HasField("subject") else None,
        to=grant_admin_service_pb2.Grant.DESCRIPTOR,
    ),
    "Subject.sub_ids": Shown(
        lambda grant, _: _parts(grant, "subject", grant.subject.sub_ids),
        to=grant_service_pb2.SubjectIdentifier.DESCRIPTOR,
        part="message",
    ),
    "SubjectItem.id": Shown(lambda part, _: part.id),
    "SubjectItem.createdAt": Shown(lambda part, _: iso(part.grant.created_at)),
    "SubjectItem.subId": Shown(lambda part, _: part.message.id),
    "SubjectItem.subIdFormat": Shown(lambda part, _: part.message.format),
}
# Of every type whose messages have no such field.
OTHERWISE: Final[Mapping[str, Shown]] = {
    "cursor": Shown(lambda message, _: message.id),
    "liquidity": Shown(lambda message, context: context.loaders.balances.load(message.id)),
    "success": _fixed(True),
    "tenant": Shown(
        lambda message, context: context.loaders.tenants.load(message.tenant_id),
        to=tenant_service_pb2.Tenant.DESCRIPTOR,
    ),
}
