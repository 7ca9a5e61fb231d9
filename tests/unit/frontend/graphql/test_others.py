"""Wallet addresses, keys, tenants, webhook events, ledger transfers and grants."""

from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from rafiki.admin.v1 import (
    event_service_pb2,
    liquidity_service_pb2,
    payment_service_pb2,
    tenant_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.grant.v1 import grant_admin_service_pb2, grant_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from servicekit.errors import NotFound

from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import OPERATOR, TENANT, money, uuid

wallets = wallet_address_service_pb2


async def test_a_wallet_address_has_the_originals_shapes_and_lists(edge: AdminEdge) -> None:
    edge.services.on("GetWalletAddress", messages.wallet_address())
    edge.services.on(
        "ListWalletAddressKeys", wallets.ListWalletAddressKeysResponse(keys=[messages.key()])
    )
    edge.services.on(
        "ListIncomingPayments",
        payment_service_pb2.ListIncomingPaymentsResponse(payments=[messages.incoming_payment()]),
    )
    edge.services.on(
        "ListOutgoingPayments",
        payment_service_pb2.ListOutgoingPaymentsResponse(payments=[messages.outgoing_payment()]),
    )
    query = """query ($id: String!) { walletAddress(id: $id) { id address publicName status
        asset { code } additionalProperties { key value visibleInOpenPayments }
        walletAddressKeys { edges { node { id revoked jwk { kid x alg kty crv } } } }
        incomingPayments { edges { cursor } } outgoingPayments(first: 1) { edges { cursor } } } }"""
    key = {"kid": "key-1", "x": messages.key().x, "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519"}
    assert (await edge.data(query, id=uuid(1)))["walletAddress"] == {
        "id": uuid(1),
        "address": "https://cloud-nine.example/alice",
        "publicName": "Alice Adams",
        "status": "ACTIVE",
        "asset": {"code": "USD"},
        "additionalProperties": [
            {"key": "iban", "value": "NL93 8601 1117 947", "visibleInOpenPayments": True}
        ],
        "walletAddressKeys": {"edges": [{"node": {"id": uuid(1), "revoked": False, "jwk": key}}]},
        "incomingPayments": {"edges": [{"cursor": uuid(1)}]},
        "outgoingPayments": {"edges": [{"cursor": uuid(1)}]},
    }
    (listed,) = edge.services.requests("ListOutgoingPayments")
    assert (listed.wallet_address_id, listed.page.first) == (uuid(1), 1)


async def test_a_wallet_address_is_found_by_url_or_null(edge: AdminEdge) -> None:
    query = '{ walletAddressByUrl(url: "https://cloud-nine.example/alice") { id } }'
    edge.services.on("GetWalletAddressByUrl", messages.wallet_address())
    assert await edge.data(query) == {"walletAddressByUrl": {"id": uuid(1)}}
    unknown = NotFound("UNKNOWN_WALLET_ADDRESS", "unknown")
    edge.services.on("GetWalletAddressByUrl", unknown)
    assert await edge.data(query) == {"walletAddressByUrl": None}


async def test_lists_of_quotes_say_that_they_are_not_offered(edge: AdminEdge) -> None:
    edge.services.on("GetWalletAddress", messages.wallet_address())
    answer = await edge.graphql('{ walletAddress(id: "1") { id quotes { edges { cursor } } } }')
    assert answer["data"] == {"walletAddress": {"id": uuid(1), "quotes": None}}
    assert answer["errors"][0]["message"] == "lists of quotes are not offered by this node"


async def test_wallet_addresses_are_created_and_changed(edge: AdminEdge) -> None:
    edge.services.on("CreateWalletAddress", messages.wallet_address())
    edge.services.on("UpdateWalletAddress", messages.wallet_address())
    property_ = {"key": "iban", "value": "NL", "visibleInOpenPayments": False}
    kept = wallets.AdditionalProperty(key="iban", value="NL")
    create = """mutation ($input: CreateWalletAddressInput!) {
        createWalletAddress(input: $input) { walletAddress { id } } }"""
    given = {"assetId": "a", "address": "https://w", "publicName": "A", "idempotencyKey": "k"}
    await edge.data(create, input=given | {"additionalProperties": [property_], "tenantId": TENANT})
    made = edge.services.request("CreateWalletAddress", wallets.CreateWalletAddressRequest)
    assert made == wallets.CreateWalletAddressRequest(
        tenant_id=TENANT,
        asset_id="a",
        address="https://w",
        public_name="A",
        additional_properties=[kept],
        idempotency_key="k",
    )
    update = """mutation ($input: UpdateWalletAddressInput!) {
        updateWalletAddress(input: $input) { walletAddress { id } } }"""
    await edge.data(update, input={"id": uuid(1), "status": "INACTIVE", "idempotencyKey": "k"})
    await edge.data(update, input={"id": uuid(1), "additionalProperties": [property_]})
    closed, described = edge.services.requests("UpdateWalletAddress")
    assert closed == wallets.UpdateWalletAddressRequest(
        id=uuid(1), status=wallets.WALLET_ADDRESS_STATUS_INACTIVE, idempotency_key="k"
    )
    assert not described.HasField("status")
    assert list(described.additional_properties.properties) == [kept]


async def test_keys_are_bound_and_revoked(edge: AdminEdge) -> None:
    edge.services.on("CreateWalletAddressKey", messages.key())
    edge.services.on("RevokeWalletAddressKey", messages.key(revoked=True))
    create = """mutation ($input: CreateWalletAddressKeyInput!) {
        createWalletAddressKey(input: $input) { walletAddressKey { id } } }"""
    jwk = {"kid": "key-1", "x": "eHl6", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519"}
    await edge.data(create, input={"walletAddressId": "w", "jwk": jwk, "idempotencyKey": "k"})
    made = edge.services.request("CreateWalletAddressKey", wallets.CreateWalletAddressKeyRequest)
    assert made == wallets.CreateWalletAddressKeyRequest(
        wallet_address_id="w", kid="key-1", x="eHl6", idempotency_key="k"
    )
    foreign = {"walletAddressId": "w", "jwk": jwk | {"crv": "P-256"}}
    assert await edge.code(create, input=foreign) == "BAD_USER_INPUT"
    revoke = (
        'mutation { revokeWalletAddressKey(input: {id: "1"}) { walletAddressKey { revoked } } }'
    )
    answer = await edge.data(revoke)
    assert answer["revokeWalletAddressKey"] == {"walletAddressKey": {"revoked": True}}


async def test_events_are_triggered_up_to_a_limit(edge: AdminEdge) -> None:
    edge.services.on("TriggerWalletAddressEvents", Empty())
    query = "mutation ($n: Int!) { triggerWalletAddressEvents(input: {limit: $n}) { count } }"
    assert await edge.data(query, n=5) == {"triggerWalletAddressEvents": {"count": None}}
    assert await edge.code(query, n=0) == "BAD_USER_INPUT"


async def test_a_wallet_addresss_withdrawal_says_what_it_took(edge: AdminEdge) -> None:
    edge.services.on("GetWalletAddress", messages.wallet_address())
    edge.services.on(
        "WithdrawWalletAddress", liquidity_service_pb2.LiquidityTransfer(id=uuid(5), amount=42)
    )
    query = """mutation ($input: CreateWalletAddressWithdrawalInput!) {
        createWalletAddressWithdrawal(input: $input) {
            withdrawal { id amount walletAddress { id } } } }"""
    given = {"walletAddressId": uuid(1), "id": uuid(5), "idempotencyKey": "k", "timeoutSeconds": 0}
    answer = await edge.data(query, input=given)
    assert answer["createWalletAddressWithdrawal"]["withdrawal"] == {
        "id": uuid(5),
        "amount": "42",
        "walletAddress": {"id": uuid(1)},
    }


TENANTS = "{ tenants { edges { node { id } } } }"


async def test_tenants_are_the_operators_to_list_create_and_delete(edge: AdminEdge) -> None:
    edge.services.on(
        "ListTenants", tenant_service_pb2.ListTenantsResponse(tenants=[messages.tenant()])
    )
    edge.services.on("CreateTenant", messages.tenant(TENANT))
    edge.services.on("DeleteTenant", Empty())
    create = """mutation ($input: CreateTenantInput!) {
        createTenant(input: $input) { tenant { id apiSecret idpSecret } } }"""
    given = {
        "apiSecret": "s",
        "idpSecret": "i",
        "settings": [{"key": "WEBHOOK_URL", "value": "https://w"}],
    }
    delete = f'mutation {{ deleteTenant(id: "{TENANT}") {{ success }} }}'
    assert await edge.code(TENANTS, tenant_id=TENANT) == "FORBIDDEN"
    assert await edge.code(create, tenant_id=TENANT, input=given) == "FORBIDDEN"
    assert await edge.code(delete, tenant_id=TENANT) == "FORBIDDEN"
    assert {rpc for rpc, _ in edge.services.calls} == {"VerifyApiSignature"}
    assert await edge.data(TENANTS) == {"tenants": {"edges": [{"node": {"id": OPERATOR}}]}}
    made = (await edge.data(create, input=given))["createTenant"]["tenant"]
    assert made == {"id": TENANT, "apiSecret": "s", "idpSecret": "i"}
    (request,) = edge.services.requests("CreateTenant")
    assert request.settings[0].key == "WEBHOOK_URL"
    assert await edge.data(delete) == {"deleteTenant": {"success": True}}


async def test_a_tenant_sees_and_changes_itself_only_and_no_secret_is_read(
    edge: AdminEdge,
) -> None:
    edge.services.on("GetTenant", lambda request: messages.tenant(request.id))
    edge.services.on("UpdateTenant", messages.tenant(TENANT))
    edge.services.on("SetTenantSettings", messages.tenant(TENANT))
    read = """query ($id: String!) { tenant(id: $id) {
        id email apiSecret idpConsentUrl idpSecret publicName deletedAt
        settings { key value } } }"""
    assert (await edge.data(read, tenant_id=TENANT, id=TENANT))["tenant"] == {
        "id": TENANT,
        "email": "ops@cloud-nine.example",
        "apiSecret": "",
        "idpConsentUrl": "https://idp.cloud-nine.example/consent",
        "idpSecret": None,
        "publicName": "Cloud Nine Wallet",
        "deletedAt": None,
        "settings": [{"key": "WEBHOOK_URL", "value": "https://bank.example/webhooks"}],
    }
    assert await edge.code(read, tenant_id=TENANT, id=OPERATOR) == "NOT_FOUND"
    update = "mutation ($id: ID!) { updateTenant(input: {id: $id}) { tenant { id } } }"
    assert await edge.code(update, tenant_id=TENANT, id=OPERATOR) == "NOT_FOUND"
    await edge.data(update, tenant_id=TENANT, id=TENANT)
    settings = """mutation { createTenantSettings(
        input: {settings: [{key: WEBHOOK_MAX_RETRY, value: "3"}]}) { settings { key } } }"""
    await edge.data(settings, tenant_id=TENANT)
    (request,) = edge.services.requests("SetTenantSettings")
    assert (request.tenant_id, request.settings[0].value) == (TENANT, "3")


async def test_webhook_events_are_filtered_by_type(edge: AdminEdge) -> None:
    edge.services.on(
        "ListWebhookEvents", event_service_pb2.ListWebhookEventsResponse(events=[messages.event()])
    )
    query = """query ($type: FilterString) { webhookEvents(filter: {type: $type}) {
        edges { cursor node { id type data } } } }"""
    answer = await edge.data(query, type={"in": ["outgoing_payment.created"]})
    assert answer["webhookEvents"]["edges"] == [
        {
            "cursor": uuid(1),
            "node": {
                "id": uuid(1),
                "type": "outgoing_payment.created",
                "data": {"id": uuid(7), "stateAttempts": 0},
            },
        }
    ]
    assert await edge.code(query, type={"in": ["nothing.happened"]}) == "BAD_USER_INPUT"
    # An empty list is no filter, as in the original.
    await edge.data(query, type={"in": [], "notIn": []})
    one, all_ = edge.services.requests("ListWebhookEvents")
    assert (list(one.types), list(all_.types)) == (["outgoing_payment.created"], [])


def transfer(number: int, **changes: Any) -> liquidity_service_pb2.AccountingTransfer:
    known: dict[str, Any] = {
        "id": uuid(number),
        "debit_account_id": uuid(1),
        "credit_account_id": uuid(2),
        "amount": 9,
        "ledger": 300,
        "type": liquidity_service_pb2.ACCOUNTING_TRANSFER_TYPE_DEPOSIT,
        "state": liquidity_service_pb2.ACCOUNTING_TRANSFER_STATE_POSTED,
        "created_at": messages.stamp(),
    }
    return liquidity_service_pb2.AccountingTransfer(**(known | changes))


TRANSFERS = """query ($id: String!, $limit: Int) { accountingTransfers(id: $id, limit: $limit) {
    debits { id amount transferType ledger createdAt state expiresAt }
    credits { id transferType state expiresAt } } }"""


async def test_an_accounts_transfers_are_told_by_side(edge: AdminEdge) -> None:
    pending = transfer(
        4,
        debit_account_id=uuid(2),
        credit_account_id=uuid(1),
        type=liquidity_service_pb2.ACCOUNTING_TRANSFER_TYPE_WITHDRAWAL,
        state=liquidity_service_pb2.ACCOUNTING_TRANSFER_STATE_PENDING,
        expires_at=messages.stamp("2030-01-31T12:31:15.250Z"),
    )
    edge.services.on(
        "ListAccountingTransfers",
        liquidity_service_pb2.ListAccountingTransfersResponse(transfers=[transfer(3), pending]),
    )
    assert (await edge.data(TRANSFERS, id=uuid(1)))["accountingTransfers"] == {
        "debits": [
            {
                "id": uuid(3),
                "amount": "9",
                "transferType": "DEPOSIT",
                "ledger": 300,
                "createdAt": "2030-01-31T12:30:15.250Z",
                "state": "POSTED",
                "expiresAt": None,
            }
        ],
        "credits": [
            {
                "id": uuid(4),
                "transferType": "WITHDRAWAL",
                "state": "PENDING",
                "expiresAt": "2030-01-31T12:31:15.250Z",
            }
        ],
    }
    (request,) = edge.services.requests("ListAccountingTransfers")
    assert request.limit == 0
    for limit in (0, 101):
        assert await edge.code(TRANSFERS, id=uuid(1), limit=limit) == "BAD_USER_INPUT"


async def test_a_settlement_account_is_known_by_its_ledgers_number(edge: AdminEdge) -> None:
    empty = liquidity_service_pb2.ListAccountingTransfersResponse()
    edge.services.on("ListAccountingTransfers", empty)
    await edge.data(TRANSFERS, id="300")
    (request,) = edge.services.requests("ListAccountingTransfers")
    assert request.account_id == "00000000-0000-0000-0000-00000000012c"


async def test_the_backend_decides_whose_transfers_a_caller_reads(edge: AdminEdge) -> None:
    edge.services.on("ListAccountingTransfers", NotFound("UNKNOWN_ACCOUNT", "unknown"))
    assert await edge.code(TRANSFERS, tenant_id=TENANT, id=uuid(1)) == "NOT_FOUND"
    (request,) = edge.services.requests("ListAccountingTransfers")
    assert request.tenant_id == TENANT


def grant(**changes: Any) -> grant_admin_service_pb2.Grant:
    limits = introspection_service_pb2.Limits(
        receiver="https://r", debit_amount=money(5), interval="R/2030-01-01T00:00:00Z/P1M"
    )
    access = introspection_service_pb2.Access(
        type="outgoing-payment", actions=["create"], identifier="https://w", limits=limits
    )
    subject = grant_service_pb2.SubjectRequest(
        sub_ids=[grant_service_pb2.SubjectIdentifier(id="https://w", format="uri")]
    )
    known: dict[str, Any] = {
        "id": uuid(1),
        "tenant_id": OPERATOR,
        "client": introspection_service_pb2.Client(wallet_address="https://client"),
        "access": [access],
        "subject": subject,
        "state": "FINALIZED",
        "finalization_reason": "ISSUED",
        "created_at": messages.stamp(),
    }
    return grant_admin_service_pb2.Grant(**(known | changes))


async def test_a_grant_has_the_originals_shapes(edge: AdminEdge) -> None:
    edge.services.on("GetGrant", grant())
    query = """query ($id: ID!) { grant(id: $id) { id client state finalizationReason tenantId
        access { id type actions identifier limits {
            receiver interval debitAmount { value assetCode assetScale } receiveAmount { value } } }
        subject { sub_ids { subId subIdFormat } } } }"""
    shown = (await edge.data(query, id=uuid(1)))["grant"]
    again = (await edge.data(query, id=uuid(1)))["grant"]
    assert shown == again
    access = shown["access"][0]
    assert access.pop("id") != shown["id"]
    assert access == {
        "type": "outgoing-payment",
        "actions": ["create"],
        "identifier": "https://w",
        "limits": {
            "receiver": "https://r",
            "interval": "R/2030-01-01T00:00:00Z/P1M",
            "debitAmount": {"value": "5", "assetCode": "USD", "assetScale": 2},
            "receiveAmount": None,
        },
    }
    assert shown["subject"] == {"sub_ids": [{"subId": "https://w", "subIdFormat": "uri"}]}
    assert (shown["client"], shown["state"]) == ("https://client", "FINALIZED")


async def test_grants_are_filtered_and_revoked(edge: AdminEdge) -> None:
    bare = grant(client=None, subject=None, finalization_reason=None, state="PENDING", access=[])
    reply = grant_admin_service_pb2.ListGrantsResponse(grants=[bare])
    edge.services.on("ListGrants", reply)
    edge.services.on("RevokeGrant", Empty())
    query = """query ($filter: GrantFilter) { grants(filter: $filter) {
        edges { node { client subject { sub_ids { id } } finalizationReason } } } }"""
    wanted = {"identifier": {"in": ["https://w"]}, "state": {"notIn": ["FINALIZED", "APPROVED"]}}
    answer = await edge.data(query, filter=wanted)
    assert answer["grants"]["edges"] == [
        {"node": {"client": None, "subject": None, "finalizationReason": None}}
    ]
    (request,) = edge.services.requests("ListGrants")
    assert list(request.identifiers) == ["https://w"]
    assert list(request.states) == ["PROCESSING", "PENDING"]
    ended = await edge.graphql(query, filter={"finalizationReason": {"in": ["ISSUED"]}})
    assert "not offered" in ended["errors"][0]["message"]
    revoke = f'mutation {{ revokeGrant(input: {{grantId: "{uuid(1)}"}}) {{ id }} }}'
    assert await edge.data(revoke, tenant_id=TENANT) == {"revokeGrant": {"id": uuid(1)}}
    (revoked,) = edge.services.requests("RevokeGrant")
    assert (revoked.id, revoked.tenant_id) == (uuid(1), TENANT)


@pytest.mark.parametrize("name", ["confirm", "reject"])
async def test_decisions_on_partial_payments_say_that_they_are_not_offered(
    edge: AdminEdge, name: str
) -> None:
    query = f"""mutation {{ {name}PartialIncomingPayment(
        input: {{incomingPaymentId: "i", partialIncomingPaymentId: "p"}}) {{ success }} }}"""
    answer = await edge.graphql(query)
    assert answer["errors"][0]["extensions"]["reason"] == "UNIMPLEMENTED"
