"""Errors as clients see them."""

from inspect import getmembers, isclass
from typing import Any

import pytest
from ilpkit.gnap.errors import GnapErrorCode
from rafiki.common.v1.error_reason_pb2 import ErrorReason
from servicekit.errors import ERROR_TYPES, Kind, ServiceError

from services.auth.gnap import errors
from services.auth.gnap.errors import TooFast, UnknownTenant
from services.auth.gnap.rest_errors import gnap_code, gnap_rest_error


def leaves() -> list[Any]:
    return [
        leaf
        for _, leaf in getmembers(errors, isclass)
        if issubclass(leaf, ServiceError) and leaf.__module__ == errors.__name__
    ]


@pytest.mark.parametrize("leaf", leaves())
def test_each_reason_is_in_the_contract_and_has_a_code(leaf: type[ServiceError]) -> None:
    arguments: dict[Any, Any] = {TooFast: {"wait_s": 5}, UnknownTenant: {"tenant_id": "t"}}
    try:
        error = leaf(**arguments.get(leaf, {}))
    except TypeError:
        error = leaf("a message")  # type: ignore[call-arg]  # the leaves that ask for one
    assert f"ERROR_REASON_{error.reason}" in ErrorReason.DESCRIPTOR.values_by_name
    assert gnap_code(error) in GnapErrorCode


@pytest.mark.parametrize("kind", list(Kind))
def test_other_errors_have_a_code_of_gnap_too(kind: Kind) -> None:
    rest = gnap_rest_error(ERROR_TYPES[kind]("INTERNAL", "text"))
    assert rest.body["error"]["code"] in set(GnapErrorCode)
    assert rest.body["error"]["description"] == "text"


def test_too_fast_says_when_to_come_back() -> None:
    rest = gnap_rest_error(TooFast(wait_s=5))
    assert (rest.status, rest.headers) == (400, {"retry-after": "5"})
