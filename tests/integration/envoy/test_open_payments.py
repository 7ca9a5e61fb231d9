"""Open Payments over REST: paths, bodies, statuses and JSON as a client sees them."""

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.common.v1.money_pb2 import Amount
from rafiki.common.v1.paging_pb2 import PageInfo
from rafiki.openpayments.v1 import incoming_payment_service_pb2 as incoming
from rafiki.openpayments.v1 import outgoing_payment_service_pb2 as outgoing
from rafiki.openpayments.v1 import quote_service_pb2 as quotes
from rafiki.openpayments.v1 import wallet_address_service_pb2 as wallet

from tests.integration.envoy.conftest import Edge
from tests.integration.envoy.fake_upstream import Script

TOKEN = {"Authorization": "GNAP 0123"}
URL = "https://wallet.example/alice"


def amount(value: int) -> Amount:
    return Amount(value=value, asset_code="USD", asset_scale=2)


def test_json_of_an_incoming_payment_has_exactly_what_is_set(edge: Edge) -> None:
    metadata = Struct()
    ParseDict({"count": 1, "ratio": 1.5, "none": None, "list": [], "text": "é"}, metadata)
    edge.upstream.script = Script(
        reply=incoming.IncomingPaymentWithMethods(
            id=f"{edge.public.origin}/t/incoming-payments/1",
            wallet_address=URL,
            received_amount=amount(2**64 - 1),
            metadata=metadata,
            created_at=Timestamp(seconds=1_700_000_000, nanos=120_000_000),
            methods=[
                incoming.IlpPaymentMethod(type="ilp", ilp_address="test.a", shared_secret="s")
            ],
        ),
        status=201,
    )
    reply = edge.public("POST", "/t/incoming-payments", {"walletAddress": URL}, TOKEN)
    assert reply.status == 201
    assert reply.headers["content-type"] == "application/json"
    # No incomingAmount and no expiresAt: they were not set. `completed` is false, and printed.
    assert reply.json == {
        "id": f"{edge.public.origin}/t/incoming-payments/1",
        "walletAddress": URL,
        "receivedAmount": {"value": "18446744073709551615", "assetCode": "USD", "assetScale": 2},
        "completed": False,
        "metadata": {"count": 1, "ratio": 1.5, "none": None, "list": [], "text": "é"},
        "createdAt": "2023-11-14T22:13:20.120Z",
        "methods": [{"type": "ilp", "ilpAddress": "test.a", "sharedSecret": "s"}],
    }
    assert b'"count":1.0' not in reply.body


def test_a_whole_second_is_printed_without_a_fraction(edge: Edge) -> None:
    edge.upstream.script = Script(reply=quotes.Quote(created_at=Timestamp(seconds=1_700_000_000)))
    assert edge.public("GET", "/t/quotes/q").json["createdAt"] == "2023-11-14T22:13:20Z"


def test_null_values_are_printed_as_null(edge: Edge) -> None:
    spent = outgoing.GrantSpentAmounts(spent_receive_amount=Value(null_value=NULL_VALUE))
    ParseDict({"value": "5", "assetCode": "USD", "assetScale": 2}, spent.spent_debit_amount)
    edge.upstream.script = Script(reply=spent)
    assert edge.public("GET", "/t/outgoing-payment-grant", headers=TOKEN).json == {
        "spentReceiveAmount": None,
        "spentDebitAmount": {"value": "5", "assetCode": "USD", "assetScale": 2},
    }


def test_a_page_prints_empty_lists_and_leaves_absent_cursors_out(edge: Edge) -> None:
    edge.upstream.script = Script(
        reply=incoming.ListIncomingPaymentsResponse(pagination=PageInfo(has_next_page=True))
    )
    path = "/t/incoming-payments?wallet-address=https%3A%2F%2Fwallet.example%2Falice&first=10"
    reply = edge.public("GET", path, headers=TOKEN)
    assert reply.json == {
        "pagination": {"hasNextPage": True, "hasPreviousPage": False},
        "result": [],
    }
    (call,) = edge.upstream.calls
    assert call.request == incoming.ListIncomingPaymentsRequest(
        tenant_id="t", wallet_address=URL, first=10
    )
    assert call.metadata["x-envoy-original-path"] == path


def test_a_body_arrives_as_a_message(edge: Edge) -> None:
    metadata: dict[str, object] = {"a": {"b": [1, None]}}
    body = {
        "walletAddress": URL,
        "incomingAmount": {"value": "12", "assetCode": "USD", "assetScale": 2},
        "expiresAt": "2026-01-02T03:04:05.678Z",
        "metadata": metadata,
    }
    edge.public("POST", "/t/incoming-payments", body, TOKEN)
    expected = incoming.CreateIncomingPaymentRequest(
        tenant_id="t",
        wallet_address=URL,
        incoming_amount=amount(12),
        expires_at=Timestamp(seconds=1_767_323_045, nanos=678_000_000),
    )
    ParseDict(metadata, expected.metadata)
    assert edge.upstream.calls[0].request == expected


@pytest.mark.parametrize(
    ("method", "path", "rpc"),
    [
        ("POST", "/t/incoming-payments", "IncomingPaymentService.CreateIncomingPayment"),
        ("POST", "/t/incoming-payments/", "IncomingPaymentService.CreateIncomingPayment"),
        ("GET", "/t/incoming-payments", "IncomingPaymentService.ListIncomingPayments"),
        ("GET", "/t/incoming-payments/1", "IncomingPaymentService.GetIncomingPayment"),
        ("GET", "/t/incoming-payments/1/", "IncomingPaymentService.GetIncomingPayment"),
        (
            "POST",
            "/t/incoming-payments/1/complete",
            "IncomingPaymentService.CompleteIncomingPayment",
        ),
        ("POST", "/t/quotes", "QuoteService.CreateQuote"),
        ("GET", "/t/quotes/1", "QuoteService.GetQuote"),
        ("POST", "/t/outgoing-payments", "OutgoingPaymentService.CreateOutgoingPayment"),
        ("GET", "/t/outgoing-payments", "OutgoingPaymentService.ListOutgoingPayments"),
        ("GET", "/t/outgoing-payments/1", "OutgoingPaymentService.GetOutgoingPayment"),
        ("GET", "/t/outgoing-payment-grant", "OutgoingPaymentService.GetGrantSpentAmounts"),
    ],
)
def test_each_resource_path_is_guarded_and_reaches_its_rpc(
    edge: Edge, method: str, path: str, rpc: str
) -> None:
    assert edge.public(method, path, headers=TOKEN).status == 200
    assert [call.method for call in edge.upstream.calls] == [rpc]
    assert edge.upstream.calls[0].request.tenant_id == "t"
    (asked,) = edge.upstream.guard_calls
    assert (asked.guard, asked.method, asked.target) == ("backend", method, path)


def test_an_incoming_payment_without_a_token_is_the_public_view(edge: Edge) -> None:
    edge.upstream.script = Script(
        reply=incoming.PublicIncomingPayment(received_amount=amount(0), auth_server="https://a/t")
    )
    reply = edge.public("GET", "/t/incoming-payments/1")
    assert reply.json == {
        "receivedAmount": {"value": "0", "assetCode": "USD", "assetScale": 2},
        "authServer": "https://a/t",
    }
    (call,) = edge.upstream.calls
    assert call.method == "PublicIncomingPaymentService.GetPublicIncomingPayment"
    assert edge.upstream.guard_calls == []


@pytest.mark.parametrize(
    ("path", "rpc", "wallet_path"),
    [
        ("/alice", "GetWalletAddress", "alice"),
        ("/alice/", "GetWalletAddress", "alice"),
        ("/", "GetWalletAddress", ""),
        ("/.well-known/pay", "GetWalletAddress", ".well-known/pay"),
        ("/a/b/c/d", "GetWalletAddress", "a/b/c/d"),
        ("/alice?utm=1", "GetWalletAddress", "alice"),
        ("/alice?url=https%3A%2F%2Fevil.example", "GetWalletAddress", "alice"),
        ("/jwks.json", "GetWalletAddressKeys", ""),
        ("/alice/jwks.json", "GetWalletAddressKeys", "alice"),
        ("/a/b/c/jwks.json", "GetWalletAddressKeys", "a/b/c"),
        ("/alice/jwks.json?path=bob", "GetWalletAddressKeys", "alice"),
    ],
)
def test_any_other_path_is_a_wallet_address(
    edge: Edge, path: str, rpc: str, wallet_path: str
) -> None:
    assert edge.public("GET", path).status == 200
    (call,) = edge.upstream.calls
    assert call.method == f"WalletAddressService.{rpc}"
    assert call.request.path == wallet_path
    assert not call.request.HasField("url")
    assert call.metadata["x-forwarded-host"] == edge.public.origin.removeprefix("http://")
    assert edge.upstream.guard_calls == []


def test_a_wallet_address_without_a_name_has_no_public_name(edge: Edge) -> None:
    edge.upstream.script = Script(reply=wallet.WalletAddress(id=URL, asset_code="USD"))
    reply = edge.public("GET", "/alice", headers={"Accept": "application/json"})
    assert reply.json == {
        "id": URL,
        "assetCode": "USD",
        "assetScale": 0,
        "authServer": "",
        "resourceServer": "",
    }


def test_head_is_a_get_without_the_body(edge: Edge) -> None:
    reply = edge.public("HEAD", "/alice")
    assert (reply.status, reply.body) == (200, b"")
    assert edge.public("GET", "/alice").status == 200


def test_repeated_answers_reveal_no_grpc_headers(edge: Edge) -> None:
    for path in ("/alice", "/t/quotes/1"):
        reply = edge.public("GET", path)
        leaked = [name for name in reply.headers if name.startswith(("grpc-", "x-"))]
        assert leaked == []
        assert reply.headers["server"] == "rafiki"
