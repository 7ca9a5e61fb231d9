"""Incoming, outgoing and combined payments, receivers and quotes."""

from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from rafiki.admin.v1 import payment_service_pb2 as pb
from rafiki.ledger.v1 import ledger_service_pb2
from servicekit.error_details import amount_metadata
from servicekit.errors import FailedPrecondition, InvalidArgument, NotFound

from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import money, uuid

MONEY = "{ value assetCode assetScale }"


async def test_an_incoming_payment_has_the_originals_shapes(edge: AdminEdge) -> None:
    edge.services.on("GetIncomingPayment", messages.incoming_payment(client=None))
    query = f"""query ($id: String!) {{ incomingPayment(id: $id) {{ id url walletAddressId client
        state expiresAt incomingAmount {MONEY} receivedAmount {MONEY} metadata createdAt
        senderWalletAddress cancelledAt cancellationReason }} }}"""
    assert (await edge.data(query, id=uuid(1)))["incomingPayment"] == {
        "id": uuid(1),
        "url": f"https://cloud-nine.example/incoming-payments/{uuid(1)}",
        "walletAddressId": uuid(100),
        "client": None,
        "state": "PROCESSING",
        "expiresAt": "2030-02-28T12:00:00.000Z",
        "incomingAmount": {"value": "2500", "assetCode": "USD", "assetScale": 2},
        "receivedAmount": {"value": "1000", "assetCode": "USD", "assetScale": 2},
        "metadata": {"description": "Two tickets", "count": 2},
        "createdAt": "2030-01-31T12:30:15.250Z",
        "senderWalletAddress": None,
        "cancelledAt": None,
        "cancellationReason": None,
    }


async def test_an_incoming_payment_is_created_from_all_inputs(edge: AdminEdge) -> None:
    edge.services.on("CreateIncomingPayment", messages.incoming_payment())
    query = """mutation ($input: CreateIncomingPaymentInput!) {
        createIncomingPayment(input: $input) { payment { id } } }"""
    given = {
        "walletAddressId": uuid(100),
        "expiresAt": "2030-03-01T13:00:00+01:00",
        "metadata": {"a": [1, {"b": None}]},
        "incomingAmount": {"value": "2500", "assetCode": "USD", "assetScale": 2},
        "idempotencyKey": "k",
    }
    await edge.data(query, input=given)
    request = edge.services.request("CreateIncomingPayment", pb.CreateIncomingPaymentRequest)
    assert request == pb.CreateIncomingPaymentRequest(
        wallet_address_id=uuid(100),
        incoming_amount=money(2_500),
        expires_at=messages.stamp("2030-03-01T12:00:00Z"),
        metadata=messages.struct({"a": [1, {"b": None}]}),
        idempotency_key="k",
    )
    for wrong in (
        {"expiresAt": "tomorrow"},
        {"expiresAt": "2030-03-01T13:00:00"},
        {"metadata": {"id": 2**53 + 1}},
    ):
        assert await edge.code(query, input=given | wrong) == "BAD_USER_INPUT"
    for card in ({"isCardPayment": True}, {"senderWalletAddress": "https://w.example"}):
        answer = await edge.graphql(query, input=given | card)
        assert "not offered" in answer["errors"][0]["message"]
        assert answer["errors"][0]["extensions"]["reason"] == "UNIMPLEMENTED"
    assert len(edge.services.requests("CreateIncomingPayment")) == 1


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("approveIncomingPayment", {}, {}),
        ("cancelIncomingPayment", {"cancellationReason": "late"}, {"reason": "late"}),
        ("updateIncomingPayment", {"metadata": {"a": 1}}, {"metadata": messages.struct({"a": 1})}),
        ("cancelOutgoingPayment", {"reason": "no money"}, {"reason": "no money"}),
    ],
)
async def test_payments_are_changed_by_id(
    edge: AdminEdge, name: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    rpc = name[0].upper() + name[1:]
    outgoing = "Outgoing" in name
    reply = messages.outgoing_payment() if outgoing else messages.incoming_payment()
    edge.services.on(rpc, reply)
    query = f"""mutation ($input: {rpc}Input!) {{ {name}(input: $input) {{ payment {{ id }} }} }}"""
    answer = await edge.data(query, input={"id": uuid(1)} | given)
    assert answer == {name: {"payment": {"id": uuid(1)}}}
    (request,) = edge.services.requests(rpc)
    assert request.id == uuid(1)
    assert request.idempotency_key
    for field, value in expected.items():
        assert getattr(request, field) == value


async def test_a_wrong_state_is_a_conflict(edge: AdminEdge) -> None:
    edge.services.on("CancelOutgoingPayment", FailedPrecondition("WRONG_STATE", "wrong state"))
    query = 'mutation { cancelOutgoingPayment(input: {id: "1"}) { payment { id } } }'
    assert await edge.code(query) == "CONFLICT"


async def test_an_outgoing_payment_has_the_originals_shapes_and_its_quote(
    edge: AdminEdge,
) -> None:
    failed = pb.OUTGOING_PAYMENT_STATE_FAILED
    edge.services.on("GetOutgoingPayment", messages.outgoing_payment(state=failed, error="Timeout"))
    edge.services.on("GetQuote", messages.quote())
    query = f"""query ($id: String!) {{ outgoingPayment(id: $id) {{ id walletAddressId client state
        error stateAttempts debitAmount {MONEY} receiveAmount {MONEY} receiver metadata
        sentAmount {MONEY} createdAt grantId
        quote {{ id expiresAt estimatedExchangeRate tenantId }} }} }}"""
    assert (await edge.data(query, id=uuid(1)))["outgoingPayment"] == {
        "id": uuid(1),
        "walletAddressId": uuid(100),
        "client": None,
        "state": "FAILED",
        "error": "Timeout",
        "stateAttempts": 0,
        "debitAmount": {"value": "1010", "assetCode": "USD", "assetScale": 2},
        "receiveAmount": {"value": "920", "assetCode": "EUR", "assetScale": 2},
        "receiver": "https://happy-life.example/incoming-payments/1",
        "metadata": None,
        "sentAmount": {"value": "0", "assetCode": "USD", "assetScale": 2},
        "createdAt": "2030-01-31T12:30:15.250Z",
        "grantId": "grant-1",
        "quote": {
            "id": uuid(1),
            "expiresAt": "2030-01-31T12:35:15.000Z",
            "estimatedExchangeRate": None,
            "tenantId": messages.OPERATOR,
        },
    }
    edge.services.on("GetQuote", NotFound("UNKNOWN_QUOTE", "unknown quote"))
    gone = await edge.data('{ outgoingPayment(id: "1") { quote { id } } }')
    assert gone == {"outgoingPayment": {"quote": None}}


async def test_quotes_and_payments_are_created_from_all_inputs(edge: AdminEdge) -> None:
    edge.services.on("CreateQuote", messages.quote())
    edge.services.on("CreateOutgoingPayment", messages.outgoing_payment())
    edge.services.on("CreateOutgoingPaymentFromIncomingPayment", messages.outgoing_payment())
    debit = {"value": "1010", "assetCode": "USD", "assetScale": 2}
    await edge.data(
        "mutation ($input: CreateQuoteInput!) { createQuote(input: $input) { quote { id } } }",
        input={
            "walletAddressId": "w",
            "receiver": "r",
            "debitAmount": debit,
            "idempotencyKey": "k",
        },
    )
    assert edge.services.request("CreateQuote", pb.CreateQuoteRequest) == pb.CreateQuoteRequest(
        wallet_address_id="w", receiver="r", debit_amount=money(1_010), idempotency_key="k"
    )
    await edge.data(
        """mutation ($input: CreateOutgoingPaymentInput!) {
            createOutgoingPayment(input: $input) { payment { id } } }""",
        input={"walletAddressId": "w", "quoteId": "q", "metadata": {}, "idempotencyKey": "k"},
    )
    made = edge.services.request("CreateOutgoingPayment", pb.CreateOutgoingPaymentRequest)
    assert made == pb.CreateOutgoingPaymentRequest(
        wallet_address_id="w", quote_id="q", metadata=messages.struct({}), idempotency_key="k"
    )
    from_incoming = """mutation ($input: CreateOutgoingPaymentFromIncomingPaymentInput!) {
        createOutgoingPaymentFromIncomingPayment(input: $input) { payment { id } } }"""
    given = {"walletAddressId": "w", "incomingPayment": "https://i", "debitAmount": debit}
    await edge.data(from_incoming, input=given)
    (request,) = edge.services.requests("CreateOutgoingPaymentFromIncomingPayment")
    assert (request.incoming_payment, request.debit_amount) == ("https://i", money(1_010))
    card = {"data": {}, "requestId": "1", "initiatedAt": "now"}
    answer = await edge.graphql(from_incoming, input=given | {"cardDetails": card})
    assert "not offered" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [("INVALID_QUOTE", "BAD_USER_INPUT"), ("INACTIVE_WALLET_ADDRESS", "INACTIVE")],
)
async def test_refusals_of_payments_have_the_originals_codes(
    edge: AdminEdge, reason: str, code: str
) -> None:
    edge.services.on("CreateOutgoingPayment", FailedPrecondition(reason, "refused"))
    query = """mutation { createOutgoingPayment(input: {walletAddressId: "w", quoteId: "q"}) {
        payment { id } } }"""
    assert await edge.code(query) == code


async def test_outgoing_payments_are_filtered_by_the_backend(edge: AdminEdge) -> None:
    edge.services.on("ListOutgoingPayments", pb.ListOutgoingPaymentsResponse())
    query = """query ($filter: OutgoingPaymentFilter) {
        outgoingPayments(filter: $filter) { edges { cursor } } }"""
    await edge.data(
        query,
        filter={
            "receiver": {"in": ["https://r"]},
            "walletAddressId": {"in": ["w"]},
            "state": {"notIn": ["FAILED", "CANCELLED", "COMPLETED"]},
        },
    )
    request = edge.services.request("ListOutgoingPayments", pb.ListOutgoingPaymentsRequest)
    assert (request.receiver, request.wallet_address_id) == ("https://r", "w")
    assert list(request.states) == [
        pb.OUTGOING_PAYMENT_STATE_FUNDING,
        pb.OUTGOING_PAYMENT_STATE_SENDING,
    ]
    wrong: dict[str, Any]
    for wrong in (
        {"receiver": {"in": ["a", "b"]}},
        {"walletAddressId": {"notIn": ["a"]}},
        {"state": {"in": ["PAID"]}},
        {"state": {"in": ["FUNDING"], "notIn": ["FUNDING"]}},
    ):
        assert await edge.code(query, filter=wrong) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("wanted", "rpc"),
    [
        (None, "ListPayments"),
        ({"in": ["INCOMING", "OUTGOING"]}, "ListPayments"),
        ({"in": ["INCOMING"]}, "ListIncomingPayments"),
        ({"notIn": ["INCOMING"]}, "ListOutgoingPayments"),
    ],
)
async def test_combined_payments_come_from_the_list_that_holds_them(
    edge: AdminEdge, wanted: dict[str, Any] | None, rpc: str
) -> None:
    incoming, outgoing = messages.incoming_payment(2), messages.outgoing_payment(1)
    both = [pb.Payment(incoming=incoming), pb.Payment(outgoing=outgoing)]
    edge.services.on("ListPayments", pb.ListPaymentsResponse(payments=both))
    edge.services.on("ListIncomingPayments", pb.ListIncomingPaymentsResponse(payments=[incoming]))
    edge.services.on("ListOutgoingPayments", pb.ListOutgoingPaymentsResponse(payments=[outgoing]))
    query = """query ($type: FilterString) {
        payments(filter: {type: $type, walletAddressId: {in: ["w"]}}) {
            edges { cursor node { id type state walletAddressId metadata } } } }"""
    answer = await edge.data(query, type=wanted)
    (request,) = edge.services.requests(rpc)
    assert request.wallet_address_id == "w"
    kinds = [edge_["node"]["type"] for edge_ in answer["payments"]["edges"]]
    assert (
        kinds
        == {
            "ListPayments": ["INCOMING", "OUTGOING"],
            "ListIncomingPayments": ["INCOMING"],
            "ListOutgoingPayments": ["OUTGOING"],
        }[rpc]
    )
    states = {"INCOMING": "PROCESSING", "OUTGOING": "FUNDING"}
    assert [edge_["node"]["state"] for edge_ in answer["payments"]["edges"]] == [
        states[kind] for kind in kinds
    ]


async def test_balances_of_a_page_are_one_call_to_the_ledger(edge: AdminEdge) -> None:
    payments = [messages.outgoing_payment(number) for number in (3, 2, 1)]
    edge.services.on("ListOutgoingPayments", pb.ListOutgoingPaymentsResponse(payments=payments))
    accounts = [
        messages.account(uuid(3), credit=1_000, debit=200, pending=50),
        messages.account(uuid(2), credit=5, debit=9),
    ]
    edge.services.on("LookupAccounts", ledger_service_pb2.LookupAccountsResponse(accounts=accounts))
    answer = await edge.data("{ outgoingPayments { edges { node { liquidity } } } }")
    found = [edge_["node"]["liquidity"] for edge_ in answer["outgoingPayments"]["edges"]]
    assert found == ["750", "0", None]
    (request,) = edge.services.requests("LookupAccounts")
    assert sorted(request.ids) == sorted([uuid(1), uuid(2), uuid(3)])


async def test_receivers_are_read_created_and_completed(edge: AdminEdge) -> None:
    for rpc in ("GetReceiver", "CreateReceiver", "CompleteReceiver"):
        edge.services.on(rpc, messages.receiver())
    url = "https://happy-life.example/incoming-payments/1"
    read = f"""query ($id: String!) {{ receiver(id: $id) {{ id walletAddressUrl completed
        incomingAmount {MONEY} receivedAmount {MONEY} expiresAt metadata createdAt }} }}"""
    assert (await edge.data(read, id=url))["receiver"] == {
        "id": url,
        "walletAddressUrl": "https://happy-life.example/carla",
        "completed": False,
        "incomingAmount": {"value": "920", "assetCode": "EUR", "assetScale": 2},
        "receivedAmount": {"value": "0", "assetCode": "EUR", "assetScale": 2},
        "expiresAt": None,
        "metadata": None,
        "createdAt": "2030-01-31T12:30:15.250Z",
    }
    assert edge.services.request("GetReceiver", pb.GetReceiverRequest).url == url
    create = """mutation ($input: CreateReceiverInput!) {
        createReceiver(input: $input) { receiver { id } } }"""
    await edge.data(create, input={"walletAddressUrl": "https://w", "idempotencyKey": "k"})
    made = edge.services.request("CreateReceiver", pb.CreateReceiverRequest)
    assert made == pb.CreateReceiverRequest(wallet_address_url="https://w", idempotency_key="k")
    complete = """mutation ($input: CompleteReceiverInput!) {
        completeReceiver(input: $input) { receiver { id } } }"""
    await edge.data(complete, input={"incomingPaymentUrl": url})
    assert edge.services.request("CompleteReceiver", pb.CompleteReceiverRequest).url == url


LIQUIDITY: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "depositAssetLiquidity",
        {"assetId": "a", "amount": "10", "id": "t"},
        "DepositAssetLiquidity",
        {"asset_id": "a", "amount": 10, "id": "t"},
    ),
    (
        "depositPeerLiquidity",
        {"peerId": "p", "amount": 10, "id": "t"},
        "DepositPeerLiquidity",
        {"peer_id": "p", "amount": 10, "id": "t"},
    ),
    (
        "depositOutgoingPaymentLiquidity",
        {"outgoingPaymentId": "o", "dataToTransmit": "é"},
        "DepositOutgoingPaymentLiquidity",
        {"outgoing_payment_id": "o", "data_to_transmit": "é".encode()},
    ),
    (
        "createAssetLiquidityWithdrawal",
        {"assetId": "a", "amount": "10", "id": "t", "timeoutSeconds": "60"},
        "WithdrawAssetLiquidity",
        {"asset_id": "a", "amount": 10, "id": "t", "timeout_seconds": 60},
    ),
    (
        "createPeerLiquidityWithdrawal",
        {"peerId": "p", "amount": "10", "id": "t", "timeoutSeconds": 0},
        "WithdrawPeerLiquidity",
        {"peer_id": "p", "amount": 10, "id": "t", "timeout_seconds": 0},
    ),
    (
        "createIncomingPaymentWithdrawal",
        {"incomingPaymentId": "i", "timeoutSeconds": 0},
        "WithdrawIncomingPayment",
        {"incoming_payment_id": "i"},
    ),
    (
        "createOutgoingPaymentWithdrawal",
        {"outgoingPaymentId": "o", "timeoutSeconds": 7},
        "WithdrawOutgoingPayment",
        {"outgoing_payment_id": "o", "timeout_seconds": 7},
    ),
    ("postLiquidityWithdrawal", {"withdrawalId": "w"}, "PostWithdrawal", {"withdrawal_id": "w"}),
    ("voidLiquidityWithdrawal", {"withdrawalId": "w"}, "VoidWithdrawal", {"withdrawal_id": "w"}),
]


@pytest.mark.parametrize(("name", "given", "rpc", "expected"), LIQUIDITY, ids=lambda v: str(v)[:40])
async def test_liquidity_moves_under_the_callers_key(
    edge: AdminEdge, name: str, given: dict[str, Any], rpc: str, expected: dict[str, Any]
) -> None:
    edge.services.on(rpc, Empty())
    type_name = name[0].upper() + name[1:] + "Input"
    query = f"mutation ($input: {type_name}!) {{ {name}(input: $input) {{ success }} }}"
    answer = await edge.data(query, input=given | {"idempotencyKey": "key-1"})
    assert answer == {name: {"success": True}}
    (request,) = edge.services.requests(rpc)
    assert request.idempotency_key == "key-1"
    for field, value in expected.items():
        assert getattr(request, field) == value
    without_key = await edge.graphql(query, input=given)
    assert without_key["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FailedPrecondition("INSUFFICIENT_BALANCE", "too little"), "FORBIDDEN"),
        (FailedPrecondition("TRANSFER_RESOLVED", "posted"), "CONFLICT"),
        (FailedPrecondition("NOTHING_TO_WITHDRAW", "empty"), "FORBIDDEN"),
        (NotFound("UNKNOWN_TRANSFER", "unknown"), "NOT_FOUND"),
        (InvalidArgument("INVALID_AMOUNT", "zero"), "BAD_USER_INPUT"),
    ],
)
async def test_refusals_of_the_ledger_have_the_originals_codes(
    edge: AdminEdge, error: Any, code: str
) -> None:
    edge.services.on("PostWithdrawal", error)
    query = """mutation { postLiquidityWithdrawal(input: {withdrawalId: "w", idempotencyKey: "k"}) {
        success } }"""
    assert await edge.code(query) == code


async def test_a_timeout_beyond_the_ledgers_is_refused(edge: AdminEdge) -> None:
    query = """mutation { createOutgoingPaymentWithdrawal(input: {outgoingPaymentId: "o",
        idempotencyKey: "k", timeoutSeconds: "4294967296"}) { success } }"""
    assert await edge.code(query) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("mutation", "event_type", "rpc"),
    [
        ("deposit", "outgoing_payment.created", "DepositOutgoingPaymentLiquidity"),
        ("withdraw", "outgoing_payment.completed", "WithdrawOutgoingPayment"),
        ("withdraw", "outgoing_payment.failed", "WithdrawOutgoingPayment"),
        ("withdraw", "incoming_payment.completed", "WithdrawIncomingPayment"),
        ("withdraw", "incoming_payment.expired", "WithdrawIncomingPayment"),
    ],
)
async def test_events_name_the_payment_that_they_ask_money_for(
    edge: AdminEdge, mutation: str, event_type: str, rpc: str
) -> None:
    edge.services.on("GetWebhookEvent", messages.event(type=event_type))
    edge.services.on(rpc, Empty())
    query = f"""mutation {{ {mutation}EventLiquidity(
        input: {{eventId: "e", idempotencyKey: "k"}}) {{ success }} }}"""
    assert await edge.data(query) == {f"{mutation}EventLiquidity": {"success": True}}
    (request,) = edge.services.requests(rpc)
    named = getattr(request, "outgoing_payment_id", None) or request.incoming_payment_id
    assert (named, request.idempotency_key) == (uuid(7), "k")
    if mutation == "withdraw":
        assert request.event_id == messages.event().id


async def test_events_that_ask_for_no_money_are_refused(edge: AdminEdge) -> None:
    edge.services.on("GetWebhookEvent", messages.event(type="peer.liquidity_low"))
    for mutation in ("deposit", "withdraw"):
        query = f"""mutation {{ {mutation}EventLiquidity(
            input: {{eventId: "e", idempotencyKey: "k"}}) {{ success }} }}"""
        assert await edge.code(query) == "BAD_USER_INPUT"


async def test_a_quote_of_nothing_says_the_least_that_can_be_sent(edge: AdminEdge) -> None:
    metadata = amount_metadata("min_send_amount", 3, "USD", 2)
    edge.services.on(
        "CreateQuote",
        InvalidArgument(
            "NON_POSITIVE_RECEIVE_AMOUNT", "too little", field="debitAmount", metadata=metadata
        ),
    )
    query = "mutation ($input: CreateQuoteInput!) { createQuote(input: $input) { quote { id } } }"
    given = {"walletAddressId": uuid(1), "receiver": "https://b.example/incoming-payments/1"}
    answer = await edge.graphql(query, input=given)
    assert answer["errors"][0]["extensions"] == {
        "code": "BAD_USER_INPUT",
        "reason": "NON_POSITIVE_RECEIVE_AMOUNT",
        "field": "debitAmount",
        "details": {"minSendAmount": {"value": "3", "assetCode": "USD", "assetScale": 2}},
    }
