"""Items of access between typed form and the wire form in which grants store them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ilpkit.openpayments.access import AccessItem, AskedAccess, find_granting
from pydantic import TypeAdapter

_ITEMS: Final[TypeAdapter[tuple[AccessItem, ...]]] = TypeAdapter(tuple[AccessItem, ...])


def access_to_json(items: Iterable[AccessItem]) -> tuple[dict[str, Any], ...]:
    """The wire form of items, absent members left out."""
    return tuple(item.model_dump(mode="json", by_alias=True) for item in items)


def access_from_json(items: Sequence[Mapping[str, Any]]) -> tuple[AccessItem, ...]:
    """The items of a stored grant."""
    return _ITEMS.validate_json(json.dumps([dict(item) for item in items]))


def covering(
    granted: Sequence[Mapping[str, Any]], asked: Sequence[AskedAccess]
) -> tuple[Mapping[str, Any], ...]:
    """The granted items, in wire form, that cover what was asked; all of them if nothing was.

    An asked item that nothing covers adds nothing: the resource server sees that it is missing.
    """
    if not asked:
        return tuple(granted)
    items = access_from_json(granted)
    found = (find_granting(items, wanted) for wanted in asked)
    kept = {items.index(item) for item in found if item is not None}
    return tuple(granted[index] for index in sorted(kept))
