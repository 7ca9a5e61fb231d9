"""Conversions between protobuf's common messages and values, for servicers."""

from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.common.v1 import paging_pb2

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


def _empty(done: None) -> Empty:
    del done
    return Empty()


NOTHING: Final = Replies(message=Empty, encode=_empty, recover=nothing_to_recover)
"""Of commands that have nothing to say."""
