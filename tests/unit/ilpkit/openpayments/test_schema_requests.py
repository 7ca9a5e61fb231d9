"""Our verdict on request bodies beside the OpenAPI schema's: never laxer, stricter where listed."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilpkit.openpayments.bodies import BodyKind, validate_body
from ilpkit.openpayments.incoming_payment import CREATE_INCOMING_PAYMENT
from ilpkit.openpayments.outgoing_payment import CREATE_OUTGOING_PAYMENT
from ilpkit.openpayments.quote import CREATE_QUOTE

from tests.support.json_mutations import near, refusal_of
from tests.support.openapi import examples, request_judge

_WALLET = "https://a.example/alice"
_RECEIVER = "https://b.example/incoming-payments/1"
_AMOUNT = {"value": "2500", "assetCode": "USD", "assetScale": 2}

_REQUESTS: dict[str, tuple[BodyKind[Any], list[Any]]] = {
    "/incoming-payments": (
        CREATE_INCOMING_PAYMENT,
        [
            {"walletAddress": _WALLET},
            {
                "walletAddress": _WALLET,
                "incomingAmount": _AMOUNT,
                "expiresAt": "2026-02-03T23:20:50.52Z",
                "metadata": {"a": {"b": [1, None, "c"]}},
            },
        ],
    ),
    "/quotes": (
        CREATE_QUOTE,
        [
            {"walletAddress": _WALLET, "receiver": _RECEIVER, "method": "ilp"},
            {
                "walletAddress": _WALLET,
                "receiver": _RECEIVER,
                "method": "ilp",
                "receiveAmount": _AMOUNT,
            },
            {
                "walletAddress": _WALLET,
                "receiver": _RECEIVER,
                "method": "ilp",
                "debitAmount": _AMOUNT,
            },
        ],
    ),
    "/outgoing-payments": (
        CREATE_OUTGOING_PAYMENT,
        [
            {"walletAddress": _WALLET, "quoteId": "https://a.example/quotes/1"},
            {
                "walletAddress": _WALLET,
                "incomingPayment": _RECEIVER,
                "debitAmount": _AMOUNT,
                "metadata": {"note": "héllo"},
            },
        ],
    ),
}

_STRICTER = (
    # The API says `format: uri`; a wallet address or payment is only reached over http(s).
    r"is not an http or https URL",
    r"is not the URL of an incoming payment",
    # One amount has one spelling; the API leaves leading zeros and "" open.
    r"\.value is not a decimal number",
    r"\.assetCode has not 1 to 255 bytes",
    # JSON Schema counts 2.0 as an integer.
    r"assetScale is not a whole number",
    # The amount schema is open; an unknown member of an amount must not be ignored.
    r"Amount\.\w+ is not a property of this body",
)
_STRICTER_PATTERN = re.compile("|".join(_STRICTER))


@pytest.mark.parametrize("version", ["1.3.0", "1.1.0"])
@pytest.mark.parametrize("path", _REQUESTS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_verdicts_beside_the_schema(version: str, path: str, data: st.DataObject) -> None:
    kind, bodies = _REQUESTS[path]
    body = data.draw(near(bodies))
    allowed = request_judge(version, "resource-server", path, "post").is_valid(body)
    refusal = refusal_of(kind, body)
    if refusal is None:
        assert allowed
    else:
        assert not allowed or _STRICTER_PATTERN.search(refusal), refusal


@pytest.mark.parametrize("version", ["1.3.0", "1.1.0"])
def test_the_apis_own_request_examples_are_accepted(version: str) -> None:
    checked = 0
    for place, value in examples(version, "resource-server"):
        if "requestBody" in place:
            validate_body(_REQUESTS[place[0]][0], json.dumps(value).encode())
            checked += 1
    assert checked >= 4


@pytest.mark.parametrize("path", _REQUESTS)
def test_each_form_is_accepted_by_both(path: str) -> None:
    kind, bodies = _REQUESTS[path]
    judge = request_judge("1.3.0", "resource-server", path, "post")
    for body in bodies:
        assert judge.is_valid(body)
        validate_body(kind, json.dumps(body).encode())
