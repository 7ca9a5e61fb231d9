from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import FailedHttpReplyError, RefusedHttpRequestError
from ilpkit.ilp.http_rules import (
    AsyncReply,
    PrepareRequest,
    ReplyRequest,
    code_of_status,
    must_resend_reply,
    prepare_headers,
    read_bearer,
    read_prepare_headers,
    read_prepare_response,
    read_reply_headers,
    reply_headers,
    was_not_carried_out,
)
from ilpkit.ilp.packet import Fulfill, Prepare, Reject, encode_prepare, encode_reply

ASYNC = AsyncReply("https://alice.example/incoming/ilp", "42ee09c8-a6de-4ae3-8a47-4732b0cbb07b")
FULFILL = Fulfill(bytes(32), b"data")
PREPARE = Prepare(1, 0, bytes(32), "g.bob")


def received(headers: dict[str, str], **changed: str) -> dict[str, str]:
    """Headers as they arrive, some replaced; an underscore stands for a dash."""
    lower = {name.lower(): value for name, value in headers.items()}
    return lower | {name.replace("_", "-"): value for name, value in changed.items()}


def test_a_synchronous_prepare_needs_a_token_only() -> None:
    headers = prepare_headers("s3cret")
    assert headers["Accept"] == headers["Content-Type"] == "application/octet-stream"
    assert read_prepare_headers(received(headers)) == PrepareRequest("s3cret", None)


def test_an_asynchronous_prepare_says_where_its_reply_goes() -> None:
    headers = prepare_headers("s3cret", ASYNC)
    assert headers["Callback-Url"] == ASYNC.callback_url
    read = read_prepare_headers(received(headers))
    assert read == PrepareRequest("s3cret", ASYNC, ASYNC.request_id)


def test_a_request_id_alone_names_a_prepare_and_does_not_make_it_asynchronous() -> None:
    headers = received(prepare_headers("s3cret", request_id=ASYNC.request_id.upper()))
    assert read_prepare_headers(headers) == PrepareRequest("s3cret", None, ASYNC.request_id)


def test_a_request_id_of_another_form_names_nothing() -> None:
    headers = received(prepare_headers("s3cret", request_id="packet-1"))
    assert read_prepare_headers(headers) == PrepareRequest("s3cret", None)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 429])
def test_a_request_that_was_refused_was_not_carried_out(status: int) -> None:
    assert was_not_carried_out(status)


@pytest.mark.parametrize("status", [200, 202, 408, 409, 499, 500, 502, 503, 504, 999])
def test_any_other_answer_may_come_after_the_packet_was_handed_on(status: int) -> None:
    assert not was_not_carried_out(status)


def test_a_reply_repeats_the_request_id() -> None:
    headers = received(reply_headers("s3cret", ASYNC.request_id.upper()))
    assert read_reply_headers(headers) == ReplyRequest("s3cret", ASYNC.request_id)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/octet-stream",
        "Application/Octet-Stream; charset=binary",
        "application/ilp+octet-stream",
    ],
)
def test_both_content_types_in_use_pass(content_type: str) -> None:
    headers = received(prepare_headers("s3cret"), content_type=content_type)
    assert read_prepare_headers(headers).token == "s3cret"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"content_type": "application/json"}, HTTPStatus.BAD_REQUEST),
        ({"content_type": ""}, HTTPStatus.BAD_REQUEST),
        ({"authorization": "Basic czNjcmV0"}, HTTPStatus.UNAUTHORIZED),
        ({"request_id": "not-a-uuid"}, HTTPStatus.BAD_REQUEST),
        ({"request_id": ""}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": "ftp://alice.example/"}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": "https:///path"}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": "https://[::1/"}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": "https://user@alice.example/"}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": "https://alice.example/\r\nx: y"}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": ""}, HTTPStatus.BAD_REQUEST),
        ({"callback_url": "https://alice.example/" + "a" * 2048}, HTTPStatus.BAD_REQUEST),
    ],
)
def test_a_request_against_the_rules_gets_a_status(
    changed: dict[str, str], status: HTTPStatus
) -> None:
    with pytest.raises(RefusedHttpRequestError) as caught:
        read_prepare_headers(received(prepare_headers("s3cret", ASYNC), **changed))
    assert caught.value.status == status


def test_a_reply_needs_all_of_its_headers() -> None:
    headers = received(reply_headers("s3cret", ASYNC.request_id))
    for missing in headers:
        with pytest.raises(RefusedHttpRequestError):
            read_reply_headers({name: headers[name] for name in headers if name != missing})


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer   a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
        (" Bearer abc ", "abc"),
    ],
)
def test_a_bearer_token_is_read(authorization: str, token: str) -> None:
    assert read_bearer(authorization) == token


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer a b", "Bearerabc", "Bearer " + "a" * 4096],
)
def test_anything_else_is_unauthorized(authorization: str | None) -> None:
    with pytest.raises(RefusedHttpRequestError) as caught:
        read_bearer(authorization)
    assert caught.value.status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("reply", [FULFILL, Reject("F02", "g.bob", "no route")])
def test_200_holds_the_reply_whether_fulfilled_or_not(reply: Fulfill | Reject) -> None:
    assert read_prepare_response(200, encode_reply(reply)) == reply


def test_202_promises_a_reply() -> None:
    assert read_prepare_response(202, b"") is None


@pytest.mark.parametrize("body", [b"", b"<html>", encode_prepare(PREPARE)])
def test_200_without_a_reply_is_a_temporary_failure(body: bytes) -> None:
    with pytest.raises(FailedHttpReplyError) as caught:
        read_prepare_response(200, body)
    assert caught.value.ilp_code == "T00"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((500, "T00"), (502, "T00"), (503, "T00"), (504, "T00"), (599, "T00")),
        *((400, "F00"), (413, "F00"), (415, "F00"), (429, "T02")),
        *((401, "T01"), (403, "T01"), (404, "T01"), (408, "T01"), (302, "T01"), (204, "T01")),
    ],
)
def test_a_failed_request_becomes_a_reject(status: int, code: str) -> None:
    assert code_of_status(status) == code
    with pytest.raises(FailedHttpReplyError) as caught:
        read_prepare_response(status, encode_reply(FULFILL))
    assert caught.value.ilp_code == code


@pytest.mark.parametrize(
    ("status", "again"), [(None, True), (500, True), (503, True), (200, False), (400, False)]
)
def test_a_reply_is_sent_until_somebody_answers(status: int | None, *, again: bool) -> None:
    assert must_resend_reply(status) is again


@pytest.mark.property
@given(
    st.dictionaries(
        st.sampled_from(["content-type", "authorization", "callback-url", "request-id"]),
        st.text(max_size=50)
        | st.sampled_from(
            ["application/octet-stream", "Bearer x", ASYNC.callback_url, ASYNC.request_id]
        ),
    )
)
def test_any_headers_are_read_or_refused(headers: dict[str, str]) -> None:
    for read in (read_prepare_headers, read_reply_headers):
        try:
            outcome: int | str = read(headers).token
        except RefusedHttpRequestError as refusal:
            outcome = refusal.status
        assert outcome in {"x", 400, 401}
