"""Refusals of bodies: one sentence with the field, the limit and the remedy."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.openpayments.bodies import BodyKind, read_response, validate_body
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.incoming_payment import CREATE_INCOMING_PAYMENT, INCOMING_PAYMENT_PAGE
from ilpkit.openpayments.json_text import DEPTH_MAX, FIELD_CHARACTERS_MAX, json_object
from ilpkit.openpayments.outgoing_payment import (
    CREATE_OUTGOING_PAYMENT,
    CreateOutgoingPaymentFromIncomingPayment,
    CreateOutgoingPaymentFromQuote,
)
from ilpkit.openpayments.quote import CREATE_QUOTE
from ilpkit.openpayments.wallet_address import JsonWebKey

_WALLET = '"walletAddress":"https://a.example/alice"'
_KEY = {
    "kid": "key-1",
    "alg": "EdDSA",
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "body is empty; send a JSON object"),
        (" \n", "body is empty; send a JSON object"),
        ("[]", "body is not a JSON object; send an object in { }"),
        ("1", "body is not a JSON object; send an object in { }"),
        ("{", "body is not JSON at line 1, column 2; send a JSON object"),
        ("{'a':1}", "body is not JSON at line 1, column 2; send a JSON object"),
        ('{"a":1,"a":2}', "a appears more than once; send it once"),
        ('{"metadata":{"b":1,"b":1}}', "b appears more than once; send it once"),
        ('{"a":NaN}', "body holds NaN, which is not JSON; send a number or leave it out"),
        (
            '{"a":-Infinity}',
            "body holds -Infinity, which is not JSON; send a number or leave it out",
        ),
        ('{"a":1e999}', "body holds a number beyond the range of a double; send a smaller number"),
        (f'{{"a":{"9" * 5000}}}', "body holds a number that is too long; send a shorter number"),
        ("{}", "walletAddress is required; add it"),
        ('{"walletAddress":1}', "walletAddress is not a string; send it in double quotes"),
        (
            '{"walletAddress":"alice"}',
            (
                "walletAddress is not an http or https URL of at most 2048 characters; "
                "send an absolute URL, percent-encoded"
            ),
        ),
        (f'{{{_WALLET},"x":1}}', "x is not a property of this body; remove it"),
        (
            f'{{{_WALLET},"wallet_address":1}}',
            "wallet_address is not a property of this body; remove it",
        ),
        (f'{{{_WALLET},"metadata":[]}}', "metadata is not an object; send an object in { }"),
        (f'{{{_WALLET},"metadata":null}}', "metadata is null; leave it out instead"),
        (
            f'{{{_WALLET},"incomingAmount":5}}',
            "incomingAmount is not an object; send an object in { }",
        ),
        (
            f'{{{_WALLET},"expiresAt":"soon"}}',
            "expiresAt is not an RFC 3339 date-time; send 2026-03-12T23:20:50Z",
        ),
        (
            f'{{{_WALLET},"expiresAt":5}}',
            "expiresAt is not an RFC 3339 date-time; send 2026-03-12T23:20:50Z",
        ),
    ],
)
def test_one_sentence_for_each_fault(body: str, sentence: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        validate_body(CREATE_INCOMING_PAYMENT, body.encode())
    assert str(caught.value) == sentence
    assert caught.value.remedy


def _amount(**change: object) -> bytes:
    amount = {"value": "1", "assetCode": "USD", "assetScale": 2, **change}
    body = {"walletAddress": "https://a.example/alice", "incomingAmount": amount}
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": "18446744073709551616"}, "value is not a decimal number between 0 and 1844"),
        ({"value": "-1"}, "value is not a decimal number"),
        ({"value": "01"}, "value is not a decimal number"),
        ({"value": "1" * 99}, "value is not a decimal number"),
        ({"value": "१"}, "value is not a decimal number"),
        ({"value": 1}, "value is not a string"),
        ({"assetCode": ""}, "assetCode has not 1 to 255 bytes"),
        ({"assetCode": "é" * 128}, "assetCode has not 1 to 255 bytes"),
        ({"assetScale": 256}, "assetScale is more than 255; send 255 or less"),
        ({"assetScale": -1}, "assetScale is less than 0; send 0 or more"),
        ({"assetScale": "2"}, "assetScale is not a whole number; send a number without quotes"),
        ({"assetScale": 1.5}, "assetScale is not a whole number"),
        ({"assetScale": True}, "assetScale is not a whole number"),
        ({"scale": 2}, "scale is not a property of this body"),
    ],
)
def test_amount_limits(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        validate_body(CREATE_INCOMING_PAYMENT, _amount(**change))
    assert str(caught.value).startswith(f"incomingAmount.{sentence}")


def test_amounts_become_money() -> None:
    body = validate_body(CREATE_INCOMING_PAYMENT, _amount(value="18446744073709551615"))
    assert body.incoming_amount is not None
    amount = body.incoming_amount.to_amount()
    assert (amount.value, amount.asset.code, amount.asset.scale) == (2**64 - 1, "USD", 2)


def test_outgoing_payment_forms() -> None:
    quoted = validate_body(
        CREATE_OUTGOING_PAYMENT, f'{{{_WALLET},"quoteId":"https://a.example/q"}}'.encode()
    )
    assert isinstance(quoted, CreateOutgoingPaymentFromQuote)
    direct = validate_body(
        CREATE_OUTGOING_PAYMENT,
        f'{{{_WALLET},"incomingPayment":"https://a.example/i",'
        '"debitAmount":{"value":"1","assetCode":"USD","assetScale":2}}'.encode(),
    )
    assert isinstance(direct, CreateOutgoingPaymentFromIncomingPayment)
    for body, sentence in (
        ("", "body has neither quoteId nor incomingPayment"),
        (',"incomingPayment":"https://a.example/i"', "debitAmount is required"),
        (
            ',"quoteId":"https://a.example/q","incomingPayment":1',
            "incomingPayment is not a property",
        ),
    ):
        with pytest.raises(InvalidBody, match=sentence):
            validate_body(CREATE_OUTGOING_PAYMENT, f"{{{_WALLET}{body}}}".encode())


def test_a_quote_takes_one_amount() -> None:
    amount = {"value": "1", "assetCode": "USD", "assetScale": 2}
    body = {
        "walletAddress": "https://a.example/alice",
        "receiver": "https://a.example/incoming-payments/1",
        "method": "ilp",
        "debitAmount": amount,
    }
    assert validate_body(CREATE_QUOTE, json.dumps(body).encode()).receive_amount is None
    body["receiveAmount"] = amount
    with pytest.raises(InvalidBody, match="body has both receiveAmount and debitAmount; send one"):
        validate_body(CREATE_QUOTE, json.dumps(body).encode())
    with pytest.raises(InvalidBody, match="method is not 'ilp'"):
        validate_body(CREATE_QUOTE, json.dumps({**body, "method": "card"}).encode())


def test_bytes_that_are_not_utf_8_and_lone_surrogates_are_refused() -> None:
    with pytest.raises(InvalidBody, match="is not UTF-8"):
        validate_body(CREATE_INCOMING_PAYMENT, b'{"a":"\xff"}')
    with pytest.raises(InvalidBody, match="is not JSON"):
        validate_body(
            CREATE_INCOMING_PAYMENT, f'{{{_WALLET},"metadata":{{"a":"\\ud800"}}}}'.encode()
        )


def test_nesting_is_limited_and_brackets_in_strings_do_not_count() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    json_object(nested(DEPTH_MAX))
    json_object(b'{"a":"' + b"[{" * 100 + b'\\""}')
    with pytest.raises(InvalidBody, match="nested deeper than 32 levels"):
        json_object(nested(DEPTH_MAX + 1))
    with pytest.raises(InvalidBody, match="nested deeper"):
        json_object(b"[" * 1_000_000)
    with pytest.raises(InvalidBody, match="is not JSON"):
        json_object(b'{"a":"' + b'\\"' * 100_000)


def test_names_in_errors_are_short_and_on_one_line() -> None:
    body = {"walletAddress": "https://a.example/alice", "a\nb" + "c" * 1000: 1}
    with pytest.raises(InvalidBody) as caught:
        validate_body(CREATE_INCOMING_PAYMENT, json.dumps(body).encode())
    assert caught.value.field.startswith("a\\nbccc")
    assert len(caught.value.field) == FIELD_CHARACTERS_MAX


def test_paths_lead_into_lists() -> None:
    with pytest.raises(InvalidBody) as caught:
        read_response(
            INCOMING_PAYMENT_PAGE,
            b'{"pagination":{"hasNextPage":true,"hasPreviousPage":true},"result":[{"id":1}]}',
        )
    assert caught.value.field == "result[0].id"


_JSON_WEB_KEY = BodyKind("key", JsonWebKey)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"d": "x"}, r"holds its private half d"),
        ({"x": "AAAA"}, r"has an unusable x"),
        ({"alg": "RS256"}, r"alg is not 'EdDSA'"),
        ({"use": None}, r"use is null"),
    ],
)
def test_keys_are_held_to_the_signature_rules(change: dict[str, object], sentence: str) -> None:
    read = read_response(_JSON_WEB_KEY, json.dumps({**_KEY, "n": 1}).encode())
    assert read.to_key().kid == "key-1"
    with pytest.raises(InvalidBody, match=sentence):
        read_response(_JSON_WEB_KEY, json.dumps({**_KEY, **change}).encode())


def test_an_unforeseen_pydantic_error_still_gives_a_sentence() -> None:
    kind = BodyKind("a shape no body has", bytes)
    with pytest.raises(InvalidBody, match="body has the wrong form; send it as the API describes"):
        kind.parse(b"{}", unknown=None)


_KINDS = [CREATE_INCOMING_PAYMENT, CREATE_QUOTE, CREATE_OUTGOING_PAYMENT, _JSON_WEB_KEY]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from(_KINDS))
def test_any_bytes_are_a_body_or_refused(raw: bytes, kind: object) -> None:
    with contextlib.suppress(InvalidBody):
        validate_body(kind, raw)  # type: ignore[arg-type]  # a kind of any shape
