"""Bodies read strictly: what the transcoder would drop is refused by name."""

import json
from typing import Any

import pytest

from services.auth.gnap.errors import InvalidRequest
from services.auth.guard.body import check_no_members, parse_continuation, parse_grant_request

REQUEST: dict[str, Any] = {
    "client": "http://client.test",
    "access_token": {"access": [{"type": "quote", "actions": ["read"]}]},
    "subject": {"sub_ids": [{"id": "http://a.test", "format": "uri"}]},
    "interact": {
        "start": ["redirect"],
        "finish": {"method": "redirect", "uri": "http://c.test", "nonce": "n"},
    },
}


def with_member(path: str) -> bytes:
    """The request with one more member at a path such as `subject.sub_ids.0.more`."""
    body = json.loads(json.dumps(REQUEST))
    *place, name = path.split(".")
    node = body
    for part in place:
        node = node[int(part) if part.isdigit() else part]
    node[name] = 1
    return json.dumps(body).encode()


def test_a_whole_request_is_read() -> None:
    request = parse_grant_request(json.dumps(REQUEST).encode())
    assert request.client_wallet_address == "http://client.test"


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("more", "more"),
        ("access_token.more", "access_token.more"),
        ("access_token.access.0.more", "access_token.access[0].more"),
        ("subject.more", "subject.more"),
        ("subject.sub_ids.0.more", "subject.sub_ids[].more"),
        ("interact.more", "interact.more"),
        ("interact.finish.more", "interact.finish.more"),
    ],
)
def test_a_member_too_many_is_named(place: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_grant_request(with_member(place))
    assert refused.value.field == field


def test_an_empty_continuation_polls() -> None:
    for raw in (b"", b" \n", b"{}"):
        assert parse_continuation(raw).interact_ref is None
    assert parse_continuation(b'{"interact_ref":"r"}').interact_ref == "r"


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"interact_ref":1}', b'{"ref":"r"}', b"null"])
def test_a_malformed_continuation_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_continuation(raw)


def test_bodies_of_requests_that_have_none() -> None:
    check_no_members(b"")
    check_no_members(b"{}")
    for raw in (b'{"access_token":"t"}', b"x", b"[]"):
        with pytest.raises(InvalidRequest):
            check_no_members(raw)
