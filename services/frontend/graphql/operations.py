"""Every operation of the Admin API: the GraphQL field, the RPC, and what differs in its request.

A new operation is a field in `schema.graphql`, a row here and a test.
"""

from collections.abc import Mapping
from typing import Final

from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import tenant_service_pb2

from services.frontend.graphql.filters import EVENT_TYPES, PAYMENT_TYPES, among, names_of, single
from services.frontend.graphql.operation import Choice, NotOffered, Of, Operation
from services.frontend.graphql.replies import Row, Shown
from services.frontend.graphql.special import (
    account_id,
    deposit_of_event,
    remember_secrets,
    withdrawal_of_event,
)

_POSITIVE: Final = (1, 2**31 - 1)
_CARDS: Final = NotOffered("card payments")
_PARTIAL: Final = NotOffered("decisions on partial payments")
_INITIATOR: Final = {"filter.initiatedBy": NotOffered("filters by initiator")}
_GRANT_STATES: Final = ("PROCESSING", "PENDING", "APPROVED", "FINALIZED")
_OF_WALLET_ADDRESS: Final = {"wallet_address_id": "id"}
_BY_WALLET_ADDRESS: Final = {
    "wallet_address_id": Of("filter.walletAddressId", single("walletAddressId"))
}
_TIMEOUT: Final = {"timeoutSeconds": (0, 2**32 - 1)}

QUERIES: Final[Mapping[str, Row]] = {
    "asset": Operation("GetAsset"),
    "assetByCodeAndScale": Operation("GetAssetByCodeAndScale", null_if_missing=True),
    "assets": Operation("ListAssets"),
    "peer": Operation("GetPeer"),
    "peerByAddressAndAsset": Operation("GetPeerByAddressAndAsset", null_if_missing=True),
    "peers": Operation("ListPeers"),
    "walletAddress": Operation("GetWalletAddress"),
    "walletAddressByUrl": Operation("GetWalletAddressByUrl", null_if_missing=True),
    "walletAddresses": Operation("ListWalletAddresses"),
    "quote": Operation("GetQuote"),
    "outgoingPayment": Operation("GetOutgoingPayment"),
    "outgoingPayments": Operation(
        "ListOutgoingPayments",
        take=_BY_WALLET_ADDRESS
        | {
            "receiver": Of("filter.receiver", single("receiver")),
            "states": Of(
                "filter.state", among("state", names_of(payments.OutgoingPaymentState.DESCRIPTOR))
            ),
        },
    ),
    "incomingPayment": Operation("GetIncomingPayment"),
    "incomingPayments": Operation("ListIncomingPayments", refused=_INITIATOR),
    "webhookEvents": Operation(
        "ListWebhookEvents", take={"types": Of("filter.type", among("type", EVENT_TYPES))}
    ),
    "payments": Choice(
        Of("filter.type", among("type", PAYMENT_TYPES)),
        {
            ("INCOMING",): Operation("ListIncomingPayments", take=_BY_WALLET_ADDRESS),
            ("OUTGOING",): Operation("ListOutgoingPayments", take=_BY_WALLET_ADDRESS),
        },
        # Both, one has no list of its own.
        otherwise=Operation("ListPayments", take=_BY_WALLET_ADDRESS),
    ),
    "accountingTransfers": Operation(
        "ListAccountingTransfers",
        take={"account_id": Of("id", account_id)},
        within={"limit": (1, 100)},
        with_request=True,
    ),
    "receiver": Operation("GetReceiver", take={"url": Of("id")}),
    "whoami": Shown(
        lambda _root, context: context.caller,
        to=tenant_service_pb2.VerifyApiSignatureResponse.DESCRIPTOR,
    ),
    "tenant": Operation("GetTenant"),
    "tenants": Operation("ListTenants"),
    "grant": Operation("GetGrant"),
    "grants": Operation(
        "ListGrants",
        take={
            "identifiers": Of("filter.identifier.in"),
            "states": Of("filter.state", among("state", _GRANT_STATES)),
        },
        refused={
            "filter.finalizationReason": NotOffered("filters by the end of a grant"),
            "filter.identifier.notIn": NotOffered("filters by excluded identifiers"),
        },
    ),
}

MUTATIONS: Final[Mapping[str, Row]] = {
    "createAsset": Operation("CreateAsset"),
    "updateAsset": Operation("UpdateAsset"),
    "deleteAsset": Operation("DeleteAsset"),
    "setFee": Operation(
        "SetFee",
        take={"fixed": Of("fee.fixed"), "basis_points": Of("fee.basisPoints")},
        within={"fee.basisPoints": (0, 10_000)},
    ),
    "createPeer": Operation(
        "CreatePeer",
        take={
            "incoming_auth_tokens": Of("http.incoming.authTokens"),
            "outgoing": Of("http.outgoing"),
        },
    ),
    "createOrUpdatePeerByUrl": Operation("CreateOrUpdatePeerByUrl"),
    "updatePeer": Operation(
        "UpdatePeer",
        take={
            "incoming_auth_tokens": Of("http.incoming.authTokens"),
            "outgoing": Of("http.outgoing"),
        },
    ),
    "deletePeer": Operation("DeletePeer"),
    "depositAssetLiquidity": Operation("DepositAssetLiquidity"),
    "depositPeerLiquidity": Operation("DepositPeerLiquidity"),
    "depositOutgoingPaymentLiquidity": Operation("DepositOutgoingPaymentLiquidity"),
    "depositEventLiquidity": Operation(
        "GetWebhookEvent",
        take={"id": Of("eventId")},
        unused=("idempotencyKey",),
        then=deposit_of_event,
    ),
    "createAssetLiquidityWithdrawal": Operation("WithdrawAssetLiquidity", within=_TIMEOUT),
    "createPeerLiquidityWithdrawal": Operation("WithdrawPeerLiquidity", within=_TIMEOUT),
    "createIncomingPaymentWithdrawal": Operation("WithdrawIncomingPayment", within=_TIMEOUT),
    "createOutgoingPaymentWithdrawal": Operation("WithdrawOutgoingPayment", within=_TIMEOUT),
    "createWalletAddressWithdrawal": Operation("WithdrawWalletAddress", within=_TIMEOUT),
    "postLiquidityWithdrawal": Operation("PostWithdrawal"),
    "voidLiquidityWithdrawal": Operation("VoidWithdrawal"),
    "withdrawEventLiquidity": Operation(
        "GetWebhookEvent",
        take={"id": Of("eventId")},
        unused=("idempotencyKey",),
        then=withdrawal_of_event,
    ),
    "createWalletAddress": Operation("CreateWalletAddress"),
    "updateWalletAddress": Operation("UpdateWalletAddress"),
    "triggerWalletAddressEvents": Operation(
        "TriggerWalletAddressEvents", within={"limit": _POSITIVE}
    ),
    "createWalletAddressKey": Operation(
        "CreateWalletAddressKey",
        take={"kid": Of("jwk.kid"), "x": Of("jwk.x")},
        unused=("jwk.alg", "jwk.kty", "jwk.crv"),
    ),
    "revokeWalletAddressKey": Operation("RevokeWalletAddressKey"),
    "createIncomingPayment": Operation(
        "CreateIncomingPayment",
        refused={"isCardPayment": _CARDS, "senderWalletAddress": _CARDS},
    ),
    "updateIncomingPayment": Operation("UpdateIncomingPayment"),
    "approveIncomingPayment": Operation("ApproveIncomingPayment"),
    "cancelIncomingPayment": Operation(
        "CancelIncomingPayment", take={"reason": Of("cancellationReason")}
    ),
    "confirmPartialIncomingPayment": _PARTIAL,
    "rejectPartialIncomingPayment": _PARTIAL,
    "createReceiver": Operation("CreateReceiver"),
    "completeReceiver": Operation("CompleteReceiver", take={"url": Of("incomingPaymentUrl")}),
    "createQuote": Operation("CreateQuote"),
    "createOutgoingPayment": Operation("CreateOutgoingPayment"),
    "createOutgoingPaymentFromIncomingPayment": Operation(
        "CreateOutgoingPaymentFromIncomingPayment", refused={"cardDetails": _CARDS}
    ),
    "cancelOutgoingPayment": Operation(
        "CancelOutgoingPayment", refused={"cardPaymentFailureReason": _CARDS}
    ),
    "createTenant": Operation("CreateTenant", then=remember_secrets),
    "updateTenant": Operation("UpdateTenant", then=remember_secrets),
    "deleteTenant": Operation("DeleteTenant"),
    "createTenantSettings": Operation("SetTenantSettings"),
    "revokeGrant": Operation("RevokeGrant", take={"id": Of("grantId")}, with_request=True),
}

# Fields that ask for each row that they are in.
OF_ROWS: Final[Mapping[str, Row]] = {
    "Asset.fees": Operation("ListFees", row={"asset_id": "id"}),
    "OutgoingPayment.quote": Operation("GetQuote", row={"id": "id"}, null_if_missing=True),
    "WalletAddress.incomingPayments": Operation(
        "ListIncomingPayments", row=_OF_WALLET_ADDRESS, refused=_INITIATOR
    ),
    "WalletAddress.outgoingPayments": Operation("ListOutgoingPayments", row=_OF_WALLET_ADDRESS),
    "WalletAddress.quotes": NotOffered("lists of quotes"),
    "WalletAddress.walletAddressKeys": Operation("ListWalletAddressKeys", row=_OF_WALLET_ADDRESS),
    "WalletAddressWithdrawal.walletAddress": Operation(
        "GetWalletAddress", row={"id": "account_id"}
    ),
}
