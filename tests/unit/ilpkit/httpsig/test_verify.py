"""The verifier: every SDK's dialect is read, and every demand of docs/SIGNATURES.md is made."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.httpsig import errors
from ilpkit.httpsig.errors import SignatureRefused
from ilpkit.httpsig.keys import PublicKey, parse_public_jwk, private_key_from_jwk
from ilpkit.httpsig.sign import sign_request
from ilpkit.httpsig.verify import (
    CREATED_AGE_MAX_S,
    CREATED_SKEW_MAX_S,
    DEFAULT_POLICY,
    Dialect,
    ParsedSignature,
    VerificationPolicy,
    parse_signatures,
    verify_request,
)

from tests.support.vectors import load_json

_NOW = 1700000000
_DIALECTS = load_json("generated", "http-signature-dialects.json")
_BEHAVIOUR = load_json("generated", "http-signature-verify-behaviour.json")
_KEY = parse_public_jwk(_DIALECTS["jwk"])
_VALID: dict[str, Any] = _BEHAVIOUR["cases"][0]

_STRICTER = {
    "body present but content-digest not covered": errors.UncoveredComponent,
    "digest not covered and body swapped": errors.UncoveredComponent,
    "no created parameter": errors.MissingCreated,
    "created in 2001": errors.SignatureTooOld,
    "expires long past": errors.SignatureTooOld,
    "alg says rsa-pss-sha512": errors.UnsupportedAlgorithm,
    "keyid of another key": errors.KeyIdMismatch,
}
_REFUSED_BY_BOTH = {
    "digest covered and body swapped": errors.DigestMismatch,
    "authorization present but not covered": errors.UncoveredComponent,
    "no @method": errors.UncoveredComponent,
    "upper-case component": errors.UnsupportedComponent,
    "digest header relabelled": errors.SignatureMismatch,
}
_ACCEPTED = {"valid", "label sig2"}


def _verify(
    case: dict[str, Any],
    *,
    key: PublicKey = _KEY,
    now: int = _NOW,
    policy: VerificationPolicy = DEFAULT_POLICY,
) -> ParsedSignature:
    parsed = parse_signatures(case["headers"])[0]
    verify_request(
        method=case["method"],
        target_uri=case["url"],
        headers=case["headers"],
        body=None if case["body"] is None else case["body"].encode(),
        parsed=parsed,
        public_key=key,
        now=now,
        policy=policy,
    )
    return parsed


def _headers(**changes: str | None) -> dict[str, str]:
    changed = {name.replace("_", "-"): value for name, value in changes.items()}
    merged = {**_VALID["headers"], **changed}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.mark.parametrize("case", _DIALECTS["cases"], ids=lambda case: case["name"])
def test_every_sdk_dialect_is_accepted(case: dict[str, Any]) -> None:
    assert _verify(case).key_id == "key-1"


def test_dialects_are_told_apart() -> None:
    seen = [parse_signatures(case["headers"])[0].dialect for case in _DIALECTS["cases"]]
    assert seen.count(Dialect.UNCOLONED) == 1
    assert seen.count(Dialect.BARE) == 1
    assert seen.count(Dialect.STANDARD) == len(seen) - 2


@pytest.mark.parametrize("case", _BEHAVIOUR["cases"], ids=lambda case: case["name"])
def test_verdicts_beside_the_reference(case: dict[str, Any]) -> None:
    refusals = {**_STRICTER, **_REFUSED_BY_BOTH}
    if case["name"] in _ACCEPTED:
        _verify(case)
        return
    with pytest.raises(refusals[case["name"]]) as caught:
        _verify(case)
    assert type(caught.value) is refusals[case["name"]]
    assert case["referenceSignatureValid"] is (case["name"] in _STRICTER)


@pytest.mark.parametrize(
    "case",
    [*_DIALECTS["cases"], *_BEHAVIOUR["cases"][:6]],
    ids=lambda case: case["name"],
)
def test_the_base_in_an_error_is_the_clients_own_with_the_token_masked(
    case: dict[str, Any],
) -> None:
    other = replace(_KEY, kid="other")
    with pytest.raises(SignatureRefused) as caught:
        _verify(case, key=other)
    expected = case["signatureBase"].replace("GNAP tok", "GNAP <3 characters masked>")
    assert caught.value.signature_base == expected


def test_rfc_9421_b26_signature_is_right_but_covers_too_little() -> None:
    case = load_json("rfc9421", "b26-ed25519.json")
    jwk = {**case["jwk"], "alg": "EdDSA"}
    key = parse_public_jwk({name: value for name, value in jwk.items() if name != "d"})
    request = case["request"]
    headers = {
        **request["headers"],
        "signature-input": case["signatureInput"],
        "signature": case["signature"],
    }
    parsed = parse_signatures(headers)[0]
    assert key.verifies(signature=parsed.signature, message=case["signatureBase"].encode())
    with pytest.raises(errors.UncoveredComponent) as caught:
        verify_request(
            method=request["method"],
            target_uri=request["url"],
            headers=headers,
            body=request["body"].encode(),
            parsed=parsed,
            public_key=key,
            now=1618884473,
        )
    assert caught.value.signature_base == case["signatureBase"]


def test_created_limits_are_inclusive() -> None:
    _verify(_VALID, now=_NOW + CREATED_AGE_MAX_S)
    _verify(_VALID, now=_NOW - CREATED_SKEW_MAX_S)
    with pytest.raises(errors.SignatureTooOld, match="sign each request"):
        _verify(_VALID, now=_NOW + CREATED_AGE_MAX_S + 1)
    with pytest.raises(errors.CreatedInFuture, match="check the clock"):
        _verify(_VALID, now=_NOW - CREATED_SKEW_MAX_S - 1)


def test_an_operator_can_move_the_limits() -> None:
    policy = VerificationPolicy(created_age_max_s=10, created_skew_max_s=0)
    _verify(_VALID, now=_NOW + 10, policy=policy)
    with pytest.raises(errors.SignatureTooOld):
        _verify(_VALID, now=_NOW + 11, policy=policy)
    with pytest.raises(errors.CreatedInFuture):
        _verify(_VALID, now=_NOW - 1, policy=policy)


def test_expires_ends_the_signature_at_that_second() -> None:
    case = next(c for c in _BEHAVIOUR["cases"] if c["name"] == "expires long past")
    _verify(case, now=1000000000)
    with pytest.raises(errors.SignatureExpired, match="later than 1000000001"):
        _verify(case, now=1000000001)


def test_a_changed_method_uri_or_header_breaks_the_signature() -> None:
    for change in ({"method": "PUT"}, {"url": "http://127.0.0.1:3000/incoming-payments?x"}):
        with pytest.raises(errors.SignatureMismatch):
            _verify({**_VALID, **change})
    with pytest.raises(errors.SignatureMismatch):
        _verify({**_VALID, "headers": _headers(authorization="GNAP other")})


def test_a_covered_header_must_be_there() -> None:
    with pytest.raises(errors.MissingComponent):
        _verify({**_VALID, "headers": _headers(content_type=None)})


def test_an_authorization_header_in_capitals_must_be_covered_too() -> None:
    case = next(
        c for c in _BEHAVIOUR["cases"] if c["name"] == "authorization present but not covered"
    )
    headers = {**case["headers"], "Authorization": case["headers"]["authorization"]}
    del headers["authorization"]
    with pytest.raises(errors.UncoveredComponent):
        _verify({**case, "headers": headers})


def _signed(url: str, **extra: str) -> dict[str, str]:
    jwk = load_json("rfc9421", "test-key-ed25519.jwk.json")
    return extra | sign_request(
        method="GET",
        target_uri=url,
        headers=extra,
        body=None,
        key_id=jwk["kid"],
        private_key=private_key_from_jwk(jwk),
        created=_NOW,
    )


def _other_key() -> PublicKey:
    jwk = load_json("rfc9421", "test-key-ed25519.jwk.json")
    return parse_public_jwk({"alg": "EdDSA"} | {k: v for k, v in jwk.items() if k != "d"})


@pytest.mark.parametrize(
    ("signed", "seen", "accepted"),
    [
        ("https://h", "https://h/", True),
        ("https://h/", "https://h", True),
        ("https://h?a=b", "https://h/?a=b", True),
        ("https://h/p", "https://h/p/", False),
        ("https://h/p?a=%2F", "https://h/p?a=/", False),
    ],
)
def test_only_an_empty_path_has_a_twin(signed: str, seen: str, accepted: bool) -> None:
    case = {"method": "GET", "url": seen, "headers": _signed(signed), "body": None}
    if accepted:
        _verify(case, key=_other_key())
    else:
        with pytest.raises(errors.SignatureMismatch):
            _verify(case, key=_other_key())


def test_a_digest_of_nothing_must_be_right_if_sent() -> None:
    headers = _signed("https://h/") | {"content-digest": "sha-256=:AAAA:"}
    with pytest.raises(errors.DigestMismatch):
        _verify(
            {"method": "GET", "url": "https://h/", "headers": headers, "body": None},
            key=_other_key(),
        )


@pytest.mark.parametrize("name", ["signature", "signature_input"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_both_headers_are_needed(name: str, value: str | None) -> None:
    with pytest.raises(errors.MissingSignature):
        parse_signatures(_headers(**{name: value}))[0]


_PARAMETERS = ';keyid="k";created=1'


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("sig1", errors.InvalidSignatureInput),
        ("sig1=1", errors.InvalidSignatureInput),
        (f"sig1=(a){_PARAMETERS}", errors.InvalidSignatureInput),
        (f'sig1=("a";sf){_PARAMETERS}', errors.InvalidSignatureInput),
        ('sig1=("a");created=1', errors.InvalidSignatureInput),
        ('sig1=("a");keyid=""', errors.InvalidSignatureInput),
        ('sig1=("a");keyid=k', errors.InvalidSignatureInput),
        ('sig1=("a");keyid="k";created=1.5', errors.InvalidSignatureInput),
        ('sig1=("a");keyid="k";created="1"', errors.InvalidSignatureInput),
        ('sig1=("a");keyid="k";created', errors.InvalidSignatureInput),
        ('sig1=("a");keyid="k";expires=x', errors.InvalidSignatureInput),
        ('sig1=("a");keyid="k";nonce=1', errors.InvalidSignatureInput),
        ('sig1=("a");keyid="k";alg="hmac-sha256"', errors.UnsupportedAlgorithm),
        (f'sig1=("a"){_PARAMETERS}, sig1=("b"){_PARAMETERS}', errors.AmbiguousSignature),
        (
            ", ".join(f'sig{n}=("a"){_PARAMETERS}' for n in range(9)),
            errors.AmbiguousSignature,
        ),
        ('sig1=("a"', errors.InvalidStructuredField),
        ("sig1=(@method @target-uri);created=", errors.InvalidStructuredField),
        ("sig1=(@method  @target-uri);keyid=1", errors.InvalidStructuredField),
    ],
)
def test_a_malformed_signature_input_is_refused(value: str, error: type[SignatureRefused]) -> None:
    with pytest.raises(error):
        parse_signatures(_headers(signature_input=value))[0]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("sig1=:AAAA:", errors.InvalidSignatureValue),
        ("sig1=1", errors.InvalidSignatureValue),
        ("sig1=(1)", errors.InvalidSignatureValue),
        ("sig2=:AAAA:", errors.InvalidSignatureValue),
        ("sig1=:AAAA:, sig1=:AAAA:", errors.InvalidSignatureValue),
        ("sig1=:AAA", errors.InvalidStructuredField),
        (f"sig2={'A' * 86}==", errors.InvalidSignatureValue),
        ("A" * 87 + "=", errors.InvalidStructuredField),
    ],
)
def test_a_malformed_signature_is_refused(value: str, error: type[SignatureRefused]) -> None:
    with pytest.raises(error):
        parse_signatures(_headers(signature=value))[0]


def test_sig1_is_chosen_among_several() -> None:
    headers = _VALID["headers"]
    parsed = _verify(
        {
            **_VALID,
            "headers": {
                **headers,
                "signature-input": f'proxy=("a"){_PARAMETERS}, {headers["signature-input"]}',
                "signature": f"proxy=:AAAA:, {headers['signature']}",
            },
        }
    )
    assert parsed.label == "sig1"


def test_nonce_is_handed_over() -> None:
    value = 'sig1=("@method");keyid="k";nonce="n";created=1'
    assert parse_signatures(_headers(signature_input=value))[0].nonce == "n"


_PIECES = st.lists(
    st.sampled_from(
        [
            *[
                "sig1",
                "=",
                "(",
                ")",
                '"@method"',
                "@method",
                '"authorization"',
                ";",
                ":",
                ",",
                "keyid",
                '"k"',
                "created=1",
                "A",
                "é",
            ],
            *(" ", "\n", "A" * 86 + "=="),
        ]
    )
).map("".join)


@given(_PIECES | st.text(), _PIECES | st.text(), st.binary(max_size=9), st.text())
def test_any_headers_are_refused_with_a_declared_error(
    signature_input: str, signature: str, body: bytes, uri: str
) -> None:
    headers = {"signature-input": signature_input, "signature": signature, "content-digest": uri}
    with pytest.raises(SignatureRefused):
        verify_request(
            method="GET",
            target_uri=uri,
            headers=headers,
            body=body,
            parsed=parse_signatures(headers)[0],
            public_key=_KEY,
            now=_NOW,
        )


@given(st.text(), st.text(), st.binary())
def test_no_other_request_passes_under_a_real_signature(uri: str, method: str, body: bytes) -> None:
    with pytest.raises(SignatureRefused):
        verify_request(
            method=method,
            target_uri=uri,
            headers=_VALID["headers"],
            body=body,
            parsed=parse_signatures(_VALID["headers"])[0],
            public_key=_KEY,
            now=_NOW,
        )
