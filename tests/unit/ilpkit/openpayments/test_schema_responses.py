"""Every response shape of ours is what the OpenAPI schemas describe, and reads back as itself."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ilpkit.money import U64_MAX, Amount, Asset
from ilpkit.openpayments.amounts import WireAmount
from ilpkit.openpayments.bodies import BodyKind, read_response
from ilpkit.openpayments.error_body import ErrorBody, ErrorDetail
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.incoming_payment import (
    INCOMING_PAYMENT,
    INCOMING_PAYMENT_PAGE,
    INCOMING_PAYMENT_WITH_METHODS,
    PUBLIC_INCOMING_PAYMENT,
    IlpPaymentMethod,
    IncomingPayment,
    IncomingPaymentPage,
    IncomingPaymentWithMethods,
    PublicIncomingPayment,
)
from ilpkit.openpayments.outgoing_payment import (
    GRANT_SPENT_AMOUNTS,
    OUTGOING_PAYMENT,
    OUTGOING_PAYMENT_PAGE,
    OUTGOING_PAYMENT_WITH_SPENT_AMOUNTS,
    GrantSpentAmounts,
    OutgoingPayment,
    OutgoingPaymentPage,
    OutgoingPaymentWithSpentAmounts,
)
from ilpkit.openpayments.paging import PageInfo
from ilpkit.openpayments.quote import QUOTE, Quote
from ilpkit.openpayments.wallet_address import (
    WALLET_ADDRESS,
    WalletAddress,
)
from ilpkit.openpayments.wire import WireModel
from jsonschema import Draft202012Validator

from tests.support.openapi import document, examples, response_judge, schema_judge

_WALLET = "https://a.example/alice"
_RECEIVER = "https://b.example/incoming-payments/1"
_CREATED = datetime(2026, 3, 12, 23, 20, 50, 520999, tzinfo=UTC)
_AMOUNT = WireAmount.of(Amount(U64_MAX, Asset(code="USD", scale=2)))
_INCOMING: dict[str, Any] = {
    "id": "https://a.example/incoming-payments/1",
    "wallet_address": _WALLET,
    "received_amount": _AMOUNT,
    "completed": False,
    "created_at": _CREATED,
}
_OUTGOING: dict[str, Any] = {
    "id": "https://a.example/outgoing-payments/1",
    "wallet_address": _WALLET,
    "receiver": _RECEIVER,
    "receive_amount": _AMOUNT,
    "debit_amount": _AMOUNT,
    "sent_amount": _AMOUNT,
    "created_at": _CREATED,
}
_MORE: dict[str, Any] = {"metadata": {"a": None, "b": [1]}}
_METHOD = IlpPaymentMethod(ilp_address="test.a.b~c", shared_secret="s-_9")
_PAGE = PageInfo(has_next_page=False, has_previous_page=True, start_cursor="a", end_cursor="b")
_EMPTY_PAGE = PageInfo(has_next_page=False, has_previous_page=False)


def _resource(path: str, method: str, status: str = "200") -> Draft202012Validator:
    return response_judge("1.3.0", "resource-server", path, method, status)


_CASES: list[tuple[BodyKind[Any], WireModel, Draft202012Validator]] = [
    (
        INCOMING_PAYMENT_WITH_METHODS,
        IncomingPaymentWithMethods(**_INCOMING, methods=(_METHOD,)),
        _resource("/incoming-payments", "post", "201"),
    ),
    (
        INCOMING_PAYMENT_WITH_METHODS,
        IncomingPaymentWithMethods(
            **_INCOMING, **_MORE, methods=(), incoming_amount=_AMOUNT, expires_at=_CREATED
        ),
        _resource("/incoming-payments/{id}", "get"),
    ),
    (
        PUBLIC_INCOMING_PAYMENT,
        PublicIncomingPayment(auth_server=_WALLET, received_amount=_AMOUNT),
        schema_judge("1.3.0", "resource-server", "public-incoming-payment"),
    ),
    (
        INCOMING_PAYMENT,
        IncomingPayment(**_INCOMING),
        _resource("/incoming-payments/{id}/complete", "post"),
    ),
    (
        INCOMING_PAYMENT_PAGE,
        IncomingPaymentPage(pagination=_PAGE, result=(IncomingPayment(**_INCOMING),)),
        _resource("/incoming-payments", "get"),
    ),
    (
        QUOTE,
        Quote(
            id="https://a.example/quotes/1",
            wallet_address=_WALLET,
            receiver=_RECEIVER,
            receive_amount=_AMOUNT,
            debit_amount=_AMOUNT,
            created_at=_CREATED,
            expires_at=_CREATED,
        ),
        _resource("/quotes", "post", "201"),
    ),
    (OUTGOING_PAYMENT, OutgoingPayment(**_OUTGOING), _resource("/outgoing-payments/{id}", "get")),
    (
        OUTGOING_PAYMENT_WITH_SPENT_AMOUNTS,
        OutgoingPaymentWithSpentAmounts(
            **_OUTGOING,
            **_MORE,
            quote_id="https://a.example/quotes/1",
            failed=True,
            grant_spent_debit_amount=_AMOUNT,
            grant_spent_receive_amount=_AMOUNT,
        ),
        _resource("/outgoing-payments", "post", "201"),
    ),
    (
        OUTGOING_PAYMENT_PAGE,
        OutgoingPaymentPage(pagination=_EMPTY_PAGE, result=()),
        _resource("/outgoing-payments", "get"),
    ),
    (
        GRANT_SPENT_AMOUNTS,
        GrantSpentAmounts(spent_debit_amount=None, spent_receive_amount=_AMOUNT),
        _resource("/outgoing-payment-grant", "get"),
    ),
    (
        WALLET_ADDRESS,
        WalletAddress(
            id=_WALLET,
            public_name="Alice",
            asset_code="USD",
            asset_scale=2,
            auth_server="https://auth.example/tenant",
            resource_server="https://op.example/tenant",
        ),
        response_judge("1.3.0", "wallet-address-server", "/", "get", "200"),
    ),
]


@pytest.mark.parametrize(("kind", "model", "judge"), _CASES)
def test_our_responses_fit_the_schema_and_read_back(
    kind: BodyKind[Any], model: WireModel, judge: Draft202012Validator
) -> None:
    raw = model.to_json()
    judge.validate(json.loads(raw))
    assert read_response(kind, raw).to_json() == raw


def test_error_bodies_fit_the_schema() -> None:
    judge = schema_judge("1.3.0", "resource-server", "error-response")
    for detail in (
        ErrorDetail(code="400", description="d"),
        ErrorDetail(code="400", description="d", details={"minSendAmount": {"value": "1"}}),
    ):
        body = ErrorBody(error=detail)
        judge.validate(body.model_dump(mode="json", by_alias=True))
    assert body.to_json().startswith(b'{"error":{"code":"400","description":"d","details":')


def test_absent_properties_are_left_out_and_nulls_kept_where_the_api_has_them() -> None:
    raw = GrantSpentAmounts(spent_debit_amount=None, spent_receive_amount=None).to_json()
    assert raw == b'{"spentDebitAmount":null,"spentReceiveAmount":null}'
    assert OutgoingPaymentPage(pagination=_EMPTY_PAGE, result=()).to_json() == (
        b'{"pagination":{"hasNextPage":false,"hasPreviousPage":false},"result":[]}'
    )
    payment = IncomingPayment(**_INCOMING, **_MORE).to_json()
    assert b'"metadata":{"a":null,"b":[1]}' in payment
    assert b'"createdAt":"2026-03-12T23:20:50.520Z"' in payment
    assert b"expiresAt" not in payment


def test_a_newer_servers_unknown_properties_are_dropped() -> None:
    raw = (
        b'{"id":"https://a.example/alice","assetCode":"USD","assetScale":2,"new":{"x":1},'
        b'"authServer":"https://b.example","resourceServer":"https://c.example"}'
    )
    assert read_response(WALLET_ADDRESS, raw).asset_code == "USD"
    with pytest.raises(InvalidBody, match=r"pagination\.startCursor is null"):
        read_response(
            INCOMING_PAYMENT_PAGE,
            b'{"pagination":{"startCursor":null,"hasNextPage":true,"hasPreviousPage":true},'
            b'"result":[]}',
        )


def test_the_apis_own_response_examples_read() -> None:
    kinds: dict[tuple[str, str, str], BodyKind[Any]] = {
        ("/incoming-payments", "post", "201"): INCOMING_PAYMENT_WITH_METHODS,
        ("/incoming-payments", "get", "200"): INCOMING_PAYMENT_PAGE,
        ("/outgoing-payments", "post", "201"): OUTGOING_PAYMENT_WITH_SPENT_AMOUNTS,
        ("/outgoing-payments", "get", "200"): OUTGOING_PAYMENT_PAGE,
        ("/outgoing-payments/{id}", "get", "200"): OUTGOING_PAYMENT,
        ("/quotes", "post", "201"): QUOTE,
        ("/quotes/{id}", "get", "200"): QUOTE,
    }
    checked = 0
    for place, value in examples("1.3.0", "resource-server"):
        key = (place[0], place[1], place[3])
        judge = response_judge("1.3.0", "resource-server", *key) if key in kinds else None
        if judge is not None and "requestBody" not in place and judge.is_valid(value):
            read_response(kinds[key], json.dumps(value).encode())
            checked += 1
    assert checked >= 5


@pytest.mark.parametrize("version", ["1.1.0", "1.3.0"])
def test_both_api_versions_describe_the_same_resources(version: str) -> None:
    schemas = document(version, "resource-server")["components"]["schemas"]
    for model, name in (
        (OutgoingPayment, "outgoing-payment"),
        (Quote, "quote"),
        (IncomingPayment, "incoming-payment"),
        (PageInfo, "page-info"),
        (IlpPaymentMethod, "ilp-payment-method"),
    ):
        ours = {field.alias for field in model.model_fields.values()}
        assert ours == set(schemas[name]["properties"])
