"""Which access asks for a user, and where a continuation leads, as tables."""

import json
from datetime import timedelta
from typing import Any

import pytest
from ilpkit.gnap.request import GRANT_REQUEST, GrantRequest
from ilpkit.openpayments.bodies import validate_body

from services.auth.gnap.errors import (
    InvalidRequest,
    RequestDenied,
    TooFast,
    UnknownContinuation,
    UnusableClient,
)
from services.auth.granting.policy import InteractionPolicy, NextStep, needs_interaction, next_step
from services.auth.grants.model import Finalization, GrantState
from tests.unit.auth.builders import NOW, STATES, grant, interaction

ALICE = "http://wallet.test/alice"
ALL = InteractionPolicy(incoming_payment=True, quote=True, list_all=True)
NONE = InteractionPolicy(list_all=False)
DEFAULT = InteractionPolicy()


def request(access: list[Any] | None = None, **members: Any) -> GrantRequest:
    body = {"client": "http://client.test", **members}
    if access is not None:
        body["access_token"] = {"access": access}
    return validate_body(GRANT_REQUEST, json.dumps(body).encode())


def item(kind: str, *actions: str, identifier: str | None = ALICE) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "actions": list(actions)}
    return found if identifier is None or kind == "quote" else {**found, "identifier": identifier}


INTERACT = {"interact": {"start": ["redirect"]}}


@pytest.mark.parametrize(
    ("policy", "access", "needed"),
    [
        (DEFAULT, [item("incoming-payment", "create", "read-all")], False),
        (DEFAULT, [item("incoming-payment", "list-all")], True),
        (NONE, [item("incoming-payment", "list-all")], False),
        (ALL, [item("incoming-payment", "create")], True),
        (DEFAULT, [item("quote", "create")], False),
        (ALL, [item("quote", "create")], True),
        (NONE, [item("outgoing-payment", "read")], True),
        (NONE, [item("quote", "read"), item("outgoing-payment", "list-all")], True),
    ],
)
def test_which_access_asks_for_a_user(
    policy: InteractionPolicy, access: list[Any], needed: bool
) -> None:
    assert needs_interaction(request(access, **INTERACT), policy) is needed


def test_a_subject_asks_for_a_user() -> None:
    subject = {"sub_ids": [{"id": ALICE, "format": "uri"}]}
    access = [item("quote", "read")]
    assert needs_interaction(request(access, subject=subject, **INTERACT), NONE)
    with pytest.raises(InvalidRequest):
        needs_interaction(request(access, subject=subject), NONE)


def test_what_a_user_agrees_to_needs_an_identifier() -> None:
    access = [item("quote", "read"), item("incoming-payment", "list-all", identifier=None)]
    with pytest.raises(InvalidRequest) as refused:
        needs_interaction(request(access, **INTERACT), DEFAULT)
    assert refused.value.field == "access_token.access[1].identifier"
    assert not needs_interaction(request(access), NONE)


def test_a_user_can_only_be_asked_with_interact_and_by_a_wallet_address() -> None:
    with pytest.raises(InvalidRequest) as refused:
        needs_interaction(request([item("outgoing-payment", "read")]), DEFAULT)
    assert refused.value.field == "interact"
    jwk = {"kid": "k", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}  # fmt: skip  # noqa: E501 - one key on one line
    with pytest.raises(UnusableClient):
        needs_interaction(
            request([item("outgoing-payment", "read")], client={"jwk": jwk}, **INTERACT), DEFAULT
        )


@pytest.mark.parametrize(
    ("state", "ref", "finish", "expected"),
    [
        ("pending", "REF", True, RequestDenied),
        ("pending", "WRONG", True, UnknownContinuation),
        ("pending", None, True, RequestDenied),
        ("pending", None, False, NextStep.WAIT),
        ("approved", "REF", True, NextStep.ISSUE),
        ("approved", "WRONG", True, UnknownContinuation),
        ("approved", None, True, RequestDenied),
        ("approved", None, False, NextStep.ISSUE),
        ("approved", "REF", False, NextStep.ISSUE),
        ("issued", "REF", True, RequestDenied),
        ("issued", None, False, RequestDenied),
        ("rejected", "REF", True, UnknownContinuation),
        ("rejected", None, False, UnknownContinuation),
        ("revoked", "REF", True, UnknownContinuation),
        ("revoked", None, False, UnknownContinuation),
    ],
)
def test_where_a_continuation_leads(
    state: str, ref: str | None, finish: bool, expected: Any
) -> None:
    asked = grant(**STATES[state], **({} if finish else {"finish": None}))

    def step() -> NextStep:
        return next_step(asked, interaction(), interact_ref=ref, now=NOW, wait_s=5)

    if isinstance(expected, NextStep):
        assert step() is expected
    else:
        with pytest.raises(expected):
            step()


def test_a_grant_without_interaction_has_nothing_to_continue() -> None:
    asked = grant(**STATES["approved"], interactive=False, finish=None)
    with pytest.raises(RequestDenied):
        next_step(asked, None, interact_ref=None, now=NOW, wait_s=5)
    with pytest.raises(UnknownContinuation):
        next_step(asked, None, interact_ref="REF", now=NOW, wait_s=5)


@pytest.mark.parametrize(("waited_ms", "fast"), [(0, True), (4_999, True), (5_000, False)])
def test_the_pace_counts_from_the_last_poll(waited_ms: int, fast: bool) -> None:
    asked = grant(
        **STATES["approved"],
        created_at=NOW - timedelta(days=1),
        continued_at=NOW - timedelta(milliseconds=waited_ms),
    )
    if fast:
        with pytest.raises(TooFast) as refused:
            next_step(asked, interaction(), interact_ref="REF", now=NOW, wait_s=5)
        assert refused.value.retry_after_ms == 5_000
    else:
        step = next_step(asked, interaction(), interact_ref="REF", now=NOW, wait_s=5)
        assert step is NextStep.ISSUE


def test_a_poll_after_the_users_time_is_denied() -> None:
    late = interaction(expires_at=NOW)
    with pytest.raises(RequestDenied):
        next_step(grant(finish=None), late, interact_ref=None, now=NOW, wait_s=5)


LEGAL = {
    ("pending", "approved"),
    ("pending", "rejected"),
    ("pending", "revoked"),
    ("approved", "issued"),
    ("approved", "revoked"),
    ("issued", "revoked"),
}


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_the_table_of_states(before: str, after: str) -> None:
    state: GrantState = STATES[after]["state"]
    reason: Finalization | None = STATES[after]["finalization"]
    assert grant(**STATES[before]).allows(state, reason) is ((before, after) in LEGAL)


def test_only_rejected_and_revoked_grants_are_dead() -> None:
    assert {name for name, state in STATES.items() if not grant(**state).live} == {
        "rejected",
        "revoked",
    }
