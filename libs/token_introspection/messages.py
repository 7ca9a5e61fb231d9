"""Between the contract `rafiki.introspection.v1` and this package's types."""

import json
from collections.abc import Sequence
from typing import Final

from google.protobuf.json_format import MessageToDict, ParseDict
from ilpkit.gnap.client import Client, JwkClient, WalletAddressClient
from ilpkit.openpayments.access import AccessItem, AskedAccess
from pydantic import TypeAdapter, ValidationError
from rafiki.introspection.v1 import introspection_service_pb2 as pb

from token_introspection.errors import IntrospectionFailed
from token_introspection.model import (
    INACTIVE,
    ActiveToken,
    Introspection,
)

_ITEMS: Final[TypeAdapter[tuple[AccessItem, ...]]] = TypeAdapter(tuple[AccessItem, ...])


def request_message(token: str, asked: Sequence[AskedAccess]) -> pb.IntrospectRequest:
    """The question about a token."""
    return pb.IntrospectRequest(access_token=token, access=[_asked(item) for item in asked])


def introspection_of(response: pb.IntrospectResponse) -> Introspection:
    """The answer. Raises IntrospectionFailed where it breaks the contract."""
    if not response.active:
        return INACTIVE
    try:
        access = _ITEMS.validate_json(json.dumps([_item(item) for item in response.access]))
    except ValidationError as error:
        raise _broken("access that Open Payments does not know") from error
    if not response.grant:
        raise _broken("an active token without its grant")
    return ActiveToken(
        grant_id=response.grant,
        client=_client(response.client),
        access=access,
        tenant_id=response.tenant_id if response.HasField("tenant_id") else None,
        expires_in_s=response.expires_in if response.HasField("expires_in") else None,
    )


def _asked(item: AskedAccess) -> pb.Access:
    message = pb.Access(type=item.type, actions=sorted(item.actions), identifier=item.identifier)
    if item.limits is not None:
        ParseDict(item.limits.model_dump(mode="json", by_alias=True), message.limits)
        message.limits.SetInParent()
    return message


def _item(item: pb.Access) -> dict[str, object]:
    # Otherwise an asset scale of 0 would be missing.
    return MessageToDict(item, always_print_fields_with_no_presence=True)


def _client(message: pb.Client) -> Client:
    match message.WhichOneof("identity"):
        case "wallet_address":
            return WalletAddressClient(message.wallet_address)
        case "jwk":
            return JwkClient(MessageToDict(message.jwk))
        case _:
            raise _broken("an active token without its client")


def _broken(what: str) -> IntrospectionFailed:
    return IntrospectionFailed(f"the authorization server answered with {what}", retriable=False)
