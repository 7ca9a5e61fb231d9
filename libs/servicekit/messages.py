"""Conversions between protobuf's common messages and values, for servicers."""

from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from ilpkit.errors import ProtocolError
from ilpkit.money import Amount, Asset
from ilpkit.openpayments.json_text import SAFE_INTEGER_MAX
from rafiki.common.v1 import money_pb2, paging_pb2

from servicekit.commands import Replies, nothing_to_recover
from servicekit.errors import InvalidArgument
from servicekit.paging import Page, PageQuery


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime as a Timestamp, to the millisecond that Open Payments clients expect."""
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    stamp.nanos -= stamp.nanos % 1_000_000
    return stamp


def moment(stamp: Timestamp) -> datetime:
    """A Timestamp as an aware datetime; raises InvalidArgument for one outside the calendar."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument("INVALID_FIELD", "a timestamp is out of range") from None


def amount(value: int, asset: Asset) -> money_pb2.Amount:
    """An amount for the wire."""
    return money_pb2.Amount(value=value, asset_code=asset.code, asset_scale=asset.scale)


def to_amount(message: money_pb2.Amount) -> Amount:
    """An amount from the wire; raises InvalidArgument when its asset can't be one."""
    try:
        return Amount(message.value, Asset(message.asset_code, message.asset_scale))
    except ProtocolError as error:
        raise InvalidArgument("INVALID_AMOUNT", str(error)) from None


def struct(value: dict[str, Any]) -> Struct:
    """A JSON object for the wire."""
    message = Struct()
    message.update(value)
    return message


def to_json(message: Struct) -> dict[str, Any]:
    """A JSON object from the wire; whole numbers become integers again."""
    return {key: _whole(value) for key, value in MessageToDict(message).items()}


def optional(message: Message, field: str) -> Any:
    """A field's value, or None when it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def page_query(page: paging_pb2.PageRequest) -> PageQuery:
    """Which page a request asks for; raises InvalidArgument."""
    return PageQuery.of(
        cursor=optional(page, "cursor"),
        first=optional(page, "first"),
        last=optional(page, "last"),
        ascending=page.ascending,
    )


def page_info(page: Page[Any]) -> paging_pb2.PageInfo:
    """Where a page stands."""
    return paging_pb2.PageInfo(
        start_cursor=page.start_cursor,
        end_cursor=page.end_cursor,
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
    )


def _whole(value: Any) -> Any:
    # Beyond that range a double stands for the digits that it prints as, not for an integer's.
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE_INTEGER_MAX:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value


def _empty(done: None) -> Empty:
    del done
    return Empty()


NOTHING: Final = Replies(message=Empty, encode=_empty, recover=nothing_to_recover)
"""Of commands that have nothing to say."""
