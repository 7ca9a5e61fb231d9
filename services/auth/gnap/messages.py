"""Protobuf and wire JSON, for the servicers: the contracts spell both the same way."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from ilpkit.gnap.client import Client, WalletAddressClient
from rafiki.common.v1 import money_pb2
from rafiki.grant.v1 import grant_service_pb2 as grant_pb
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from servicekit.errors import InvalidArgument, ServiceError
from servicekit.messages import optional


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
    return [_access_message(item) for item in items]


def client_message(client: Client) -> pb.Client:
    """A client as a message."""
    if isinstance(client, WalletAddressClient):
        return pb.Client(wallet_address=client.url)
    message = pb.Client()
    ParseDict(dict(client.jwk), message.jwk)
    return message


def subject_message(ids: Iterable[Mapping[str, str]]) -> grant_pb.SubjectRequest | None:
    """Subject identifiers as a message; None without any."""
    messages = [grant_pb.SubjectIdentifier(id=i["id"], format=i["format"]) for i in ids]
    return grant_pb.SubjectRequest(sub_ids=messages) if messages else None


def _access_message(item: Mapping[str, Any]) -> pb.Access:
    message = pb.Access(
        type=item["type"], actions=item["actions"], identifier=item.get("identifier")
    )
    limits = item.get("limits")
    if limits is not None:
        message.limits.CopyFrom(
            pb.Limits(
                receiver=limits.get("receiver"),
                debit_amount=_amount_message(limits.get("debitAmount")),
                receive_amount=_amount_message(limits.get("receiveAmount")),
                interval=limits.get("interval"),
            )
        )
    return message


def _amount_message(amount: Mapping[str, Any] | None) -> money_pb2.Amount | None:
    if amount is None:
        return None
    return money_pb2.Amount(
        value=int(amount["value"]),
        asset_code=amount["assetCode"],
        asset_scale=amount["assetScale"],
    )
