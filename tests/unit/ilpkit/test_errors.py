import inspect

import pytest
from ilpkit import errors
from ilpkit.errors import (
    LocalProtocolError,
    PolicyRefusal,
    ProtocolError,
    RefusedHttpRequestError,
    RemoteProtocolError,
    TruncatedError,
)
from ilpkit.ilp.error_codes import ERROR_NAMES

REMOTE_ERRORS = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, RemoteProtocolError)
]


@pytest.mark.parametrize("cls", [LocalProtocolError, PolicyRefusal, RemoteProtocolError])
def test_every_kind_of_blame_is_a_protocol_error(cls: type[Exception]) -> None:
    assert issubclass(cls, ProtocolError)


@pytest.mark.parametrize("cls", REMOTE_ERRORS)
def test_every_remote_error_answers_with_a_known_code(cls: type[RemoteProtocolError]) -> None:
    assert cls.ilp_code in ERROR_NAMES


def test_a_raise_may_name_another_code_than_its_class() -> None:
    error = RemoteProtocolError("late", ilp_code="R00")
    assert (error.ilp_code, error.message, str(error)) == ("R00", "late", "late")
    assert TruncatedError("short").ilp_code == "F01"


def test_a_refusal_carries_the_code_of_its_reject() -> None:
    assert PolicyRefusal("rate limit", ilp_code="T05").ilp_code == "T05"


def test_an_http_refusal_carries_its_status() -> None:
    assert RefusedHttpRequestError("no token", status=401).status == 401
