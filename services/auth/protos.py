"""Protobuf and wire JSON, for the servicers: the contracts spell both the same way."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.common.v1 import paging_pb2
from rafiki.grant.v1 import grant_service_pb2 as grant_pb
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from servicekit.errors import InvalidArgument, ServiceError
from servicekit.paging import Page, PageQuery

from services.auth.clients.model import Client, WalletAddressClient


def optional(message: Message, field: str) -> Any:
    """The value of an optional field, None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def parse_id(text: str, error: ServiceError) -> UUID:
    """A UUID, or the error that says that nothing has this id."""
    try:
        return UUID(text)
    except ValueError:
        raise error from None


def optional_id(message: Message, field: str) -> UUID | None:
    """An optional UUID; raises InvalidArgument where it is malformed."""
    text = optional(message, field)
    error = InvalidArgument("INVALID_FIELD", f"{field} is no UUID", field=field)
    return None if text is None else parse_id(text, error)


def to_json(message: Message) -> dict[str, Any]:
    """A message as its wire JSON; a scale of 0 stays visible, absent fields stay absent."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def access_messages(items: Iterable[Mapping[str, Any]]) -> list[pb.Access]:
    """Access items in wire form as messages."""
    return [ParseDict(dict(item), pb.Access()) for item in items]


def client_message(client: Client) -> pb.Client:
    """A client as a message."""
    if isinstance(client, WalletAddressClient):
        return pb.Client(wallet_address=client.url)
    message = pb.Client()
    message.jwk.update(dict(client.jwk))
    return message


def subject_message(ids: Iterable[Mapping[str, str]]) -> grant_pb.SubjectRequest | None:
    """Subject identifiers as a message; None without any."""
    messages = [grant_pb.SubjectIdentifier(id=i["id"], format=i["format"]) for i in ids]
    return grant_pb.SubjectRequest(sub_ids=messages) if messages else None


def page_query(page: paging_pb2.PageRequest) -> PageQuery:
    """The page asked for; raises InvalidArgument INVALID_PAGE."""
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


def timestamp(moment: datetime) -> Timestamp:
    """A moment as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
