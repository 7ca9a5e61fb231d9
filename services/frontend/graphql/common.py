"""Shapes that several features of the Admin API share."""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import strawberry
from rafiki.common.v1 import money_pb2
from servicekit.errors import InvalidArgument, Unimplemented

from services.frontend.graphql.scalars import JSONObject, UInt8, UInt64

IdArgument: TypeAlias = Annotated[str, strawberry.argument(name="id")]


def documented(resolver: Callable[..., Any]) -> Any:
    """A field whose description is its resolver's docstring."""
    return strawberry.field(resolver=resolver, description=_line(resolver))


def mutation(resolver: Callable[..., Any]) -> Any:
    """A mutation whose description is its resolver's docstring."""
    return strawberry.mutation(resolver=resolver, description=_line(resolver))


def deprecated_mutation(reason: str) -> Callable[[Callable[..., Any]], Any]:
    """A mutation that the schema says not to use any more."""

    def decorate(resolver: Callable[..., Any]) -> Any:
        return strawberry.mutation(
            resolver=resolver, description=_line(resolver), deprecation_reason=reason
        )

    return decorate


def _line(resolver: Callable[..., Any]) -> str:
    return (resolver.__doc__ or "").strip().partition("\n")[0]


@strawberry.interface(description="What has an id and a moment of creation.")
class Model:
    """What has an id and a moment of creation."""

    id: strawberry.ID
    created_at: str


@strawberry.interface(description="A payment of either kind.")
class BasePayment:
    """A payment of either kind."""

    id: strawberry.ID
    wallet_address_id: strawberry.ID
    metadata: JSONObject | None
    created_at: str
    client: str | None


@strawberry.type(description="An integer amount of an asset.")
class Amount:
    """An integer amount of an asset."""

    value: UInt64
    asset_code: str
    asset_scale: UInt8


@strawberry.input(description="An integer amount of an asset.")
class AmountInput:
    """An integer amount of an asset."""

    value: UInt64
    asset_code: str
    asset_scale: UInt8


@strawberry.input(description="Texts that a value must or must not be among.")
class FilterString:
    """Texts that a value must or must not be among."""

    in_: list[str] | None = strawberry.field(name="in", default=None)
    not_in: list[str] | None = None


@strawberry.type(description="The outcome of a movement of liquidity.")
class LiquidityMutationResponse:
    """The outcome of a movement of liquidity."""

    success: bool


def amount(message: money_pb2.Amount) -> Amount:
    """An amount from the wire."""
    return Amount(
        value=UInt64(message.value),
        asset_code=message.asset_code,
        asset_scale=UInt8(message.asset_scale),
    )


def amount_message(given: AmountInput | None) -> money_pb2.Amount | None:
    """An amount for the wire."""
    if given is None:
        return None
    return money_pb2.Amount(
        value=given.value, asset_code=given.asset_code, asset_scale=given.asset_scale
    )


def chosen(given: FilterString | None, field: str, known: tuple[str, ...]) -> list[str]:
    """Values of a fixed set that a filter lets through, empty for all; raises InvalidArgument."""
    if given is None or (given.in_ is None and given.not_in is None):
        return []
    unknown = [text for text in (*(given.in_ or ()), *(given.not_in or ())) if text not in known]
    if unknown:
        raise InvalidArgument("INVALID_FIELD", f"{field} is one of {', '.join(known)}", field=field)
    wanted = known if given.in_ is None else given.in_
    left = [text for text in wanted if text not in (given.not_in or ())]
    if not left:
        raise InvalidArgument("INVALID_FIELD", f"{field} lets nothing through", field=field)
    return left


def single(given: FilterString | None, field: str) -> str | None:
    """The one value that a filter asks for; raises InvalidArgument when it asks for more."""
    if given is None or (given.in_ is None and given.not_in is None):
        return None
    if given.not_in is not None or given.in_ is None or len(given.in_) != 1:
        raise InvalidArgument("INVALID_FIELD", f"{field} takes one value in `in`", field=field)
    return given.in_[0]


def not_offered(what: str) -> Unimplemented:
    """The error of what the original has and this node does not."""
    return Unimplemented("UNIMPLEMENTED", f"{what} are not offered by this node")
