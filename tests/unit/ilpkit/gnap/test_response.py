"""GNAP responses and errors as the authorization server API describes them."""

import json
from typing import Any

import pytest
from ilpkit.gnap.errors import GnapErrorBody, GnapErrorCode
from ilpkit.gnap.response import (
    CONTINUATION_RESPONSE,
    GRANT_RESPONSE,
    ROTATION_RESPONSE,
    AccessToken,
    ApprovedGrant,
    ContinuationResponse,
    Continue,
    ContinueToken,
    InteractResponse,
    PendingGrant,
    RotationResponse,
)
from ilpkit.gnap.shapes import Subject, SubjectIdentifier
from ilpkit.openpayments.access import QuoteAccess
from ilpkit.openpayments.bodies import BodyKind, read_response
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.wire import WireModel

from tests.support.openapi import examples, response_judge, schema_judge

_VERSIONS = ["1.1.0", "1.3.0", "1.3.2"]
_TOKEN = AccessToken(
    value="T",
    manage="https://auth.example/token/1",
    expires_in=600,
    access=(QuoteAccess(type="quote", actions=("create",)),),
)
_CONTINUE = Continue(
    access_token=ContinueToken(value="C"), uri="https://auth.example/continue/1", wait=5
)
_PENDING = PendingGrant(
    interact=InteractResponse(redirect="https://auth.example/interact/1/n", finish="n"),
    continue_=_CONTINUE,
)
_APPROVED = ApprovedGrant(access_token=_TOKEN, continue_=_CONTINUE)
_SUBJECT = Subject(sub_ids=(SubjectIdentifier(id="https://a.example/alice", format="uri"),))

_CASES: list[tuple[str, BodyKind[Any], WireModel]] = [
    ("/", GRANT_RESPONSE, _PENDING),
    ("/", GRANT_RESPONSE, _APPROVED),
    ("/continue/{id}", CONTINUATION_RESPONSE, ContinuationResponse(continue_=_CONTINUE)),
    (
        "/continue/{id}",
        CONTINUATION_RESPONSE,
        ContinuationResponse(continue_=_CONTINUE, access_token=_TOKEN, subject=_SUBJECT),
    ),
    ("/token/{id}", ROTATION_RESPONSE, RotationResponse(access_token=_TOKEN)),
]


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize(("path", "kind", "model"), _CASES)
def test_our_responses_fit_the_schema_and_read_back(
    version: str, path: str, kind: BodyKind[Any], model: WireModel
) -> None:
    raw = model.to_json()
    response_judge(version, "auth-server", path, "post", "200").validate(json.loads(raw))
    assert read_response(kind, raw) == model


def test_absent_members_are_left_out() -> None:
    raw = ContinuationResponse(
        continue_=Continue(access_token=ContinueToken(value="C"), uri="https://a.example/c")
    ).to_json()
    assert raw == b'{"continue":{"access_token":{"value":"C"},"uri":"https://a.example/c"}}'


def test_the_apis_own_examples_read() -> None:
    kinds: dict[str, BodyKind[Any]] = {
        "/": GRANT_RESPONSE,
        "/continue/{id}": CONTINUATION_RESPONSE,
        "/token/{id}": ROTATION_RESPONSE,
    }
    checked = 0
    for place, value in examples("1.3.2", "auth-server"):
        if "responses" in place:
            read_response(kinds[place[0]], json.dumps(value).encode())
            checked += 1
    assert checked >= 5


def test_a_response_is_pending_or_approved_and_never_both() -> None:
    pending, approved = (json.loads(model.to_json()) for model in (_PENDING, _APPROVED))
    assert isinstance(read_response(GRANT_RESPONSE, json.dumps(pending).encode()), PendingGrant)
    for body in ({"continue": pending["continue"]}, {}):
        with pytest.raises(InvalidBody, match="access_token is required"):
            read_response(GRANT_RESPONSE, json.dumps(body).encode())
    both = {**pending, **approved}
    judge = response_judge("1.3.2", "auth-server", "/", "post", "200")
    assert not judge.is_valid(both)
    with pytest.raises(InvalidBody, match="has interact beside access_token"):
        read_response(GRANT_RESPONSE, json.dumps(both).encode())


def test_every_code_makes_a_body_of_the_schema() -> None:
    for code in GnapErrorCode:
        raw = GnapErrorBody.of(code, "why").to_json()
        assert json.loads(raw) == {"error": {"code": str(code), "description": "why"}}
        if code not in {
            GnapErrorCode.INVALID_INTERACTION,
            GnapErrorCode.UNKNOWN_INTERACTION,
            GnapErrorCode.USER_DENIED,
        }:
            name = f"error-{code.replace('_', '-')}"
            schema_judge("1.3.2", "auth-server", name).validate(json.loads(raw))


def test_grant_responses_can_be_built_in_code() -> None:
    adapter = GRANT_RESPONSE._adapter
    assert adapter.validate_python(_PENDING) is _PENDING
    assert adapter.validate_python(_APPROVED) is _APPROVED
