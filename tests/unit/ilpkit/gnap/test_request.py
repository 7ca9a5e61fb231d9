"""Grant and continuation requests: the three client forms, and verdicts beside the schema's."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilpkit.gnap.request import (
    CONTINUATION_REQUEST,
    GRANT_REQUEST,
    GrantRequest,
    JwkClient,
    WalletAddressClient,
)
from ilpkit.openpayments.bodies import validate_body
from ilpkit.openpayments.errors import InvalidBody

from tests.support.json_mutations import near, refusal_of
from tests.support.openapi import examples, request_judge

_WALLET = "https://a.example/alice"
_JWK = {
    "kid": "key-1",
    "alg": "EdDSA",
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
_AMOUNT = {"value": "500", "assetCode": "USD", "assetScale": 2}
_INTERACT = {
    "start": ["redirect"],
    "finish": {"method": "redirect", "uri": "https://c.example/return", "nonce": "n"},
}
_OUTGOING = {
    "type": "outgoing-payment",
    "actions": ["create", "read"],
    "identifier": _WALLET,
    "limits": {
        "receiver": "https://b.example/incoming-payments/1",
        "interval": "R12/2019-08-24T14:15:22Z/P1M",
        "debitAmount": _AMOUNT,
    },
}
_INCOMING = {"type": "incoming-payment", "actions": ["create"], "identifier": _WALLET}
_QUOTE = {"type": "quote", "actions": ["create", "read-all"]}
_SUBJECT = {"sub_ids": [{"id": _WALLET, "format": "uri"}]}
_BODIES: list[Any] = [
    {
        "client": {"walletAddress": _WALLET},
        "access_token": {"access": [_OUTGOING, _INCOMING, _QUOTE]},
        "interact": _INTERACT,
    },
    {"client": {"jwk": _JWK}, "access_token": {"access": [_INCOMING]}},
    {"client": _WALLET, "subject": _SUBJECT, "interact": _INTERACT},
    {"client": _WALLET, "access_token": {"access": [_QUOTE]}, "subject": _SUBJECT},
]

_STRICTER = (
    # `format: uri`, where only http(s) can be fetched, or a browser be sent safely.
    r"is not an http or https URL",
    r"is not the URL of an incoming payment",
    r"is not an absolute URI",
    # A limit under which nothing could ever be paid.
    r"has an amount of 0",
    r"has the asset code",
    # An empty list of rights or ways asks for nothing.
    r"has fewer than 1 items",
    r"has fewer than 1 characters",
    r"start has more than 8 items",
    # The schema takes any text; an interval nobody can compute would limit nothing.
    r"interval (is not R/start|does not start with R|has a|ends before)",
    # Both amounts: the schema's anyOf lets them pass, every client library refuses them.
    r"has both debitAmount and receiveAmount",
    # Limits are open in the schema; an unknown limit must not be ignored.
    r"limits\.\w+ is not a property of this body",
    # By its anyOf, a malformed amount is an unknown property of "no amount limit".
    r"limits\.(debit|receive)Amount",
    # The schema checks only the alphabet of x.
    r"jwk has an unusable x",
)
_STRICTER_PATTERN = re.compile("|".join(_STRICTER))


@pytest.mark.parametrize("version", ["1.3.2", "1.3.0"])
@given(body=near(_BODIES))
@settings(max_examples=400, deadline=None)
def test_verdicts_beside_the_schema(version: str, body: Any) -> None:
    allowed = request_judge(version, "auth-server", "/", "post").is_valid(body)
    refusal = refusal_of(GRANT_REQUEST, body)
    if refusal is None:
        assert allowed
    else:
        assert not allowed or _STRICTER_PATTERN.search(refusal), refusal


@given(body=near([{"interact_ref": "r"}, {}]))
@settings(deadline=None)
def test_continuation_verdicts_beside_the_schema(body: Any) -> None:
    judge = request_judge("1.3.2", "auth-server", "/continue/{id}", "post")
    refusal = refusal_of(CONTINUATION_REQUEST, body)
    if refusal is None:
        assert judge.is_valid(body)
    else:
        assert not judge.is_valid(body) or "has fewer than 1 characters" in refusal


@pytest.mark.parametrize("version", ["1.1.0", "1.3.0", "1.3.2"])
def test_the_apis_own_examples_are_accepted(version: str) -> None:
    checked = 0
    for place, value in examples(version, "auth-server"):
        if "requestBody" in place:
            kind = GRANT_REQUEST if place[0] == "/" else CONTINUATION_REQUEST
            assert refusal_of(kind, value) is None
            checked += 1
    assert checked >= 3


def _parse(body: Any) -> GrantRequest:
    return validate_body(GRANT_REQUEST, json.dumps(body).encode())


def test_the_three_client_forms() -> None:
    by_text, by_wallet, by_key = (
        _parse({"client": client, "access_token": {"access": [_QUOTE]}})
        for client in (_WALLET, {"walletAddress": _WALLET}, {"jwk": {**_JWK, "key_ops": ["x"]}})
    )
    assert by_text.client_wallet_address == by_wallet.client_wallet_address == _WALLET
    assert (by_text.client_jwk, by_wallet.client_jwk) == (None, None)
    assert by_key.client_wallet_address is None
    assert by_key.client_jwk is not None
    assert by_key.client_jwk.to_key().kid == "key-1"


def test_client_forms_can_be_built_in_code() -> None:
    request = _parse(_BODIES[3])
    for client in (
        WalletAddressClient(wallet_address=_WALLET),
        JwkClient.model_validate({"jwk": _JWK}),
    ):
        rebuilt = GrantRequest(client=client, access_token=request.access_token)
        assert rebuilt.client == client


def test_a_request_goes_out_as_it_came_in() -> None:
    for body in _BODIES:
        assert json.loads(_parse(body).to_json()) == body


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"client": None}, "client is not an object"),
        ({"client": {}}, "client.walletAddress is required"),
        ({"client": {"jwk": _JWK, "walletAddress": _WALLET}}, "client.jwk is not a property"),
        ({"client": {"jwk": {**_JWK, "d": "x"}}}, "client.jwk holds its private half"),
        ({"access_token": None}, "access_token is null"),
        ({"access_token": {"access": []}}, "access_token.access has fewer than 1 items"),
        (
            {"access_token": {"access": [_QUOTE, _QUOTE]}},
            "access_token.access holds the same item twice",
        ),
        (
            {
                "access_token": {
                    "access": [_QUOTE, _INCOMING, _OUTGOING, {**_QUOTE, "actions": ["read"]}]
                }
            },
            "access_token.access has more than 3 items",
        ),
        (
            {"access_token": {"access": [{**_OUTGOING, "identifier": 5}]}},
            "access_token.access[0].identifier is not a string",
        ),
        (
            {"access_token": {"access": [{**_OUTGOING, "actions": ["complete"]}]}},
            "access_token.access[0].actions[0] is not 'create', 'read'",
        ),
        (
            {"access_token": {"access": [{**_QUOTE, "identifier": _WALLET}]}},
            "access_token.access[0].identifier is not a property",
        ),
        (
            {"access_token": {"access": [{**_QUOTE, "quote": 1}]}},
            "access_token.access[0].quote is not a property",
        ),
        (
            {"access_token": {"access": [{"type": "x"}]}},
            "access_token.access[0] has a type that is",
        ),
        ({"access_token": {"access": [{}]}}, "access_token.access[0] has no type"),
        ({"subject": {"sub_ids": []}}, "subject.sub_ids has fewer than 1 items"),
        ({"interact": {"start": ["app"]}}, "interact.start[0] is not 'redirect'"),
        (
            {"interact": {**_INTERACT, "finish": {**_INTERACT["finish"], "hash_method": "sha3"}}},  # type: ignore[dict-item]  # a test's own literal
            "interact.finish.hash_method is not 'sha-256'",
        ),
    ],
)
def test_refusals_name_the_place(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        _parse({**_BODIES[0], **change})
    assert str(caught.value).startswith(sentence)


def test_something_must_be_asked_for() -> None:
    with pytest.raises(InvalidBody, match="body has neither access_token nor subject"):
        _parse({"client": _WALLET})
    with pytest.raises(InvalidBody, match="body asks for a subject without interact"):
        _parse({"client": _WALLET, "subject": _SUBJECT})


def test_gnap_extensions_are_ignored() -> None:
    body = {**_BODIES[0], "capabilities": ["x"], "user": {"sub_ids": []}}
    assert _parse(body) == _parse(_BODIES[0])


@given(st.binary())
def test_any_bytes_are_a_request_or_refused(raw: bytes) -> None:
    with pytest.raises(InvalidBody):
        validate_body(GRANT_REQUEST, raw)
