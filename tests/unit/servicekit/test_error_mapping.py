import re
from pathlib import Path

import grpc
import grpc.aio
import pytest
from servicekit import error_mapping
from servicekit.error_mapping import DETAILS_KEY, from_rpc_error, from_status, to_status
from servicekit.errors import ERROR_TYPES, Internal, Kind, NotFound, ResourceExhausted, ServiceError

_PROTO = Path(__file__).parents[3] / "proto/rafiki/common/v1/error_reason.proto"


def _rpc_error(error: Exception) -> grpc.aio.AioRpcError:
    status = to_status(error)
    code = next(c for c in grpc.StatusCode if c.value[0] == status.code)
    trailers = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details=status.message)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_crosses_rpc_unchanged(kind: Kind) -> None:
    sent = ERROR_TYPES[kind](
        "ERROR_REASON_WRONG_STATE",
        "not now",
        metadata={"state": "SENDING"},
        field="payment.id",
        retry_after_ms=1500,
    )
    got = from_rpc_error(_rpc_error(sent))
    assert type(got) is type(sent)
    assert (got.reason, got.message) == ("WRONG_STATE", "not now")
    assert dict(got.metadata) == {"state": "SENDING"}
    assert (got.field, got.retry_after_ms) == ("payment.id", 1500)


def test_an_untyped_error_is_internal_with_no_detail() -> None:
    got = from_rpc_error(_rpc_error(ValueError("password=hunter2")))
    assert type(got) is Internal
    assert got.reason == "INTERNAL"
    assert "hunter2" not in got.message


def test_a_bare_code_of_the_library_gets_a_reason() -> None:
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="refused"
    )
    got = from_rpc_error(error)
    assert (got.kind, got.reason, got.message) == (Kind.UNAVAILABLE, "UNAVAILABLE", "refused")


def test_a_foreign_domain_gives_no_reason() -> None:
    status = to_status(NotFound("UNKNOWN_PEER", "no such peer"))
    foreign = type(status).FromString(status.SerializeToString().replace(b"rafiki", b"others"))
    assert from_status(foreign).reason == "INTERNAL"


def test_optional_details_stay_out_when_unset() -> None:
    status = to_status(ResourceExhausted("OVERLOADED", "full"))
    assert [d.type_url for d in status.details] == ["type.googleapis.com/google.rpc.ErrorInfo"]


def test_reasons_of_this_module_are_in_the_contract() -> None:
    contract = set(re.findall(r"ERROR_REASON_(\w+) =", _PROTO.read_text()))
    used = {error_mapping.REASON_INTERNAL, *error_mapping._REASONS.values()}
    assert used <= contract


def test_each_kind_has_its_type_code_and_http_status() -> None:
    assert set(ERROR_TYPES) == set(Kind)
    assert set(error_mapping.GRPC_CODES) == set(Kind) == set(error_mapping.HTTP_STATUSES)


def test_metadata_cannot_be_changed_after_the_raise() -> None:
    source = {"id": "1"}
    error = ServiceError("INTERNAL", "x", metadata=source)
    source["id"] = "2"
    assert error.metadata["id"] == "1"
