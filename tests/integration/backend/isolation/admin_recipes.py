"""What the walk over the Admin API puts into each argument of each operation.

A recipe is found by the most specific name: `operation.argument` (of what is inside of `input`:
`operation.member`), then the argument's own name, then that of the same field of the RPCs when it
names a thing. An argument without a recipe fails the walk.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from tests.integration.backend.isolation import recipes
from tests.integration.backend.isolation.belongings import code, mark
from tests.integration.backend.isolation.recipes import ABSENT, Recipe, Thing, Value
from tests.integration.backend.payments.node import key


def _said(value: Any) -> Value:
    return Value(lambda _: value)


_DOLLARS: Final = {"value": "10", "assetCode": "USD", "assetScale": 2}
_UNOFFERED: Final = (
    "confirmPartialIncomingPayment",
    "rejectPartialIncomingPayment",
    "triggerWalletAddressEvents",
)
"""Part of the schema, and not offered yet."""
ARGUMENTS: Final[Mapping[str, Recipe]] = {
    # Things.
    "tenantId": Thing("tenant_id"),
    "accountingTransfers.id": Thing("peer"),
    "approveIncomingPayment.id": Thing("incoming"),
    "asset.id": Thing("asset"),
    "assetByCodeAndScale.code": Thing("asset_code"),
    "cancelIncomingPayment.id": Thing("incoming"),
    "cancelOutgoingPayment.id": Thing("outgoing"),
    "completeReceiver.incomingPaymentUrl": Thing("receiver"),
    "confirmPartialIncomingPayment.incomingPaymentId": Thing("incoming"),
    "createAssetLiquidityWithdrawal.assetId": Thing("asset_with_money"),
    "createOutgoingPaymentWithdrawal.outgoingPaymentId": Thing("failed"),
    "createPeerLiquidityWithdrawal.peerId": Thing("peer_with_money"),
    "createWalletAddressWithdrawal.walletAddressId": Thing("wallet_with_money"),
    "deleteAsset.id": Thing("asset"),
    "deletePeer.id": Thing("peer"),
    "deleteTenant.id": Thing("tenant_id"),
    "depositAssetLiquidity.id": Thing("deposit_id"),
    "depositEventLiquidity.eventId": Thing("event_to_fund"),
    "grant.id": Thing("grant"),
    "grantId": Thing("grant"),
    "incomingPayment.id": Thing("incoming"),
    "outgoingPayment.id": Thing("outgoing"),
    "peer.id": Thing("peer"),
    "peerByAddressAndAsset.staticIlpAddress": Thing("peer_address"),
    "quote.id": Thing("quote"),
    "receiver.id": Thing("receiver"),
    "rejectPartialIncomingPayment.incomingPaymentId": Thing("incoming"),
    "revokeWalletAddressKey.id": Thing("wallet_key"),
    "tenant.id": Thing("tenant_id"),
    "updateAsset.id": Thing("asset"),
    "updateIncomingPayment.id": Thing("incoming"),
    "updatePeer.id": Thing("peer"),
    "updateTenant.id": Thing("tenant_id"),
    "updateWalletAddress.id": Thing("wallet"),
    "walletAddress.id": Thing("wallet"),
    "walletAddressByUrl.url": Thing("wallet_url"),
    "withdrawEventLiquidity.eventId": Thing("event_to_withdraw"),
    # Filters that name things.
    "outgoingPayments.filter": Thing(
        "wallet", lambda wallet, _: {"walletAddressId": {"in": [wallet]}}
    ),
    "payments.filter": Thing("wallet", lambda wallet, _: {"walletAddressId": {"in": [wallet]}}),
    "grants.filter": Thing("wallet_url", lambda url, _: {"identifier": {"in": [url]}}),
    "filter": ABSENT,
    # What the caller says.
    "additionalProperties": ABSENT,
    "address": Value(lambda _: mark()),
    "amount": _said("1"),
    "apiSecret": Value(lambda caller: caller.tenant.secret),
    "cancellationReason": _said("a reason"),
    "cardDetails": ABSENT,
    "cardPaymentFailureReason": ABSENT,
    "code": Value(lambda _: code()),
    "createTenant.id": ABSENT,
    "dataToTransmit": _said("data"),
    "debitAmount": ABSENT,
    "createOutgoingPaymentFromIncomingPayment.debitAmount": _said(_DOLLARS),
    "email": _said("a@tenant.test"),
    "expiresAt": ABSENT,
    "fee": _said({"fixed": "1", "basisPoints": 1}),
    "http": _said({"outgoing": {"endpoint": "http://127.0.0.1:1/", "authToken": "theirs"}}),
    "id": Value(lambda _: str(uuid4())),
    "idempotencyKey": Value(lambda _: key()),
    "idpConsentUrl": _said("https://idp.test/consent"),
    "idpSecret": _said("a secret of an identity provider"),
    "incomingAmount": _said(_DOLLARS),
    "initialLiquidity": _said("1"),
    "isCardPayment": ABSENT,
    "jwk": Value(
        lambda _: {
            "kid": mark(),
            "x": "oy0L_vTygNE4IogRyn_F5GmHXdqYVjIXkWs2jky7zsI",
            "alg": "EdDSA",
            "kty": "OKP",
            "crv": "Ed25519",
        }
    ),
    "limit": _said(10),
    "liquidityThreshold": _said("1"),
    "liquidityToDeposit": _said("1"),
    "maxPacketAmount": _said("1000000"),
    "metadata": _said({"said": "by the caller"}),
    "name": _said("a name"),
    "partialIncomingPaymentId": Value(lambda _: str(uuid4())),
    "peerUrl": _said("http://127.0.0.1:1/"),
    "publicName": _said("a name"),
    "reason": _said("a reason"),
    "receiveAmount": _said(_DOLLARS),
    "routes": Value(lambda _: [f"test.{mark()}"]),
    "scale": _said(2),
    "senderWalletAddress": ABSENT,
    "settings": _said([{"key": "WEBHOOK_MAX_RETRY", "value": "3"}]),
    "createTenant.settings": ABSENT,
    "sortOrder": ABSENT,
    "staticIlpAddress": Value(lambda _: f"test.{mark()}"),
    "status": _said("ACTIVE"),
    "timeoutSeconds": _said("0"),
    "type": _said("SENDING"),
    "withdrawalThreshold": _said("1"),
}

KINDS: Final = sorted({each.kind for each in ARGUMENTS.values() if isinstance(each, Thing)})
"""All kinds of things that arguments name."""

OPERATOR_ONLY: Final = frozenset({"createTenant", "deleteTenant", "tenants"})
"""Operations about tenants as such: FORBIDDEN for everyone but the operator."""

UNSUCCESSFUL: Final[Mapping[str, str]] = {
    **dict.fromkeys(OPERATOR_ONLY, "FORBIDDEN"),
    **dict.fromkeys(_UNOFFERED, "INTERNAL_SERVER_ERROR"),
    "createOrUpdatePeerByUrl": "NOT_FOUND",
    "depositAssetLiquidity": "DUPLICATE",
}
"""Operations that answer an error also to the owner of what is named, and its code."""

AS_ANOTHER_BANK: Final = frozenset(
    {
        "completeReceiver",
        "createOutgoingPaymentFromIncomingPayment",
        "createQuote",
        "createReceiver",
        "receiver",
    }
)
"""Operations that show of another tenant's things what any bank on the Internet is shown."""


def recipe(operation: str, argument: str) -> Recipe:
    """What goes into an argument, or into a member of its `input`."""
    for name in (f"{operation}.{argument}", argument):
        if name in ARGUMENTS:
            return ARGUMENTS[name]
    of_rpcs = recipes.FIELDS.get(re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", argument))
    if isinstance(of_rpcs, Thing):
        return of_rpcs
    raise AssertionError(
        f"{operation} has the argument {argument}: say in ARGUMENTS of {__file__} what the walk"
        " puts there"
    )
