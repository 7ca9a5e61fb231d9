import pytest
import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import payment_service_pb2
from rafiki_cli.output import moment, money, state, units


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [("12.05", 2, 1205), ("12", 2, 1200), ("0.5", 2, 50), ("7", 0, 7), ("0", 9, 0)],
)
def test_amounts_are_read_exactly(text: str, scale: int, value: int) -> None:
    assert units(text, scale) == value


@pytest.mark.parametrize(
    "text", ["", ".5", "5.", "-1", "+1", "1e3", "1,5", "1.234", "\uff11", "1.2.3"]
)
def test_what_is_no_amount_of_the_asset_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        units(text, 2)


@pytest.mark.parametrize(
    ("value", "scale", "text"), [(1205, 2, "12.05 X"), (-5, 2, "-0.05 X"), (7, 0, "7 X")]
)
def test_amounts_are_written_exactly(value: int, scale: int, text: str) -> None:
    assert money(value, "X", scale) == text


def test_states_and_times_are_short() -> None:
    failed = payment_service_pb2.OUTGOING_PAYMENT_STATE_FAILED
    assert state(payment_service_pb2.OutgoingPaymentState, failed) == "FAILED"
    assert moment(Timestamp(seconds=1, nanos=5_000_000)) == "1970-01-01 00:00:01.005Z"
    assert moment(Timestamp()) == ""
