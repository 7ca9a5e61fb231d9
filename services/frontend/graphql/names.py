"""The names of the two contracts: GraphQL's `camelCase` and protobuf's `snake_case`."""

import re
from functools import cache

from google.protobuf.descriptor import EnumDescriptor


@cache
def snake_case(name: str) -> str:
    """`maxPacketAmount` as `max_packet_amount`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@cache
def camel_case(name: str) -> str:
    """`max_packet_amount` as `maxPacketAmount`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def prefix_of(kind: EnumDescriptor) -> str:
    """What every value of a protobuf enum begins with: `FEE_TYPE_` for `FeeType`."""
    return snake_case(kind.name).upper() + "_"
