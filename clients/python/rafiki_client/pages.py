"""Lists as iterators: one call a page, items as they come."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Protocol, cast

from google.protobuf.message import Message
from rafiki.common.v1 import paging_pb2

PAGE_SIZE: Final = 100


class PagedRequest(Protocol):
    """A request of a list."""

    @property
    def page(self) -> paging_pb2.PageRequest:
        """Which page."""


class PagedResponse(Protocol):
    """A page."""

    @property
    def page_info(self) -> paging_pb2.PageInfo:
        """Where it stands."""


async def pages(
    call: Callable[[Any], Awaitable[PagedResponse]], request: PagedRequest
) -> AsyncIterator[Any]:
    """Every item of a list, in its order, from the request's cursor on.

    `async for asset in pages(node.assets.ListAssets, ListAssetsRequest())`
    """
    # A copy: the caller's request stays as it is.
    asked = cast("Any", type(request)())
    asked.CopyFrom(request)
    if not asked.page.HasField("first"):
        asked.page.first = PAGE_SIZE
    while True:
        response = await call(asked)
        for item in _items(cast("Message", response)):
            yield item
        if not response.page_info.has_next_page:
            return
        asked.page.cursor = response.page_info.end_cursor


def _items(response: Message) -> Any:
    """A page's items: its one field with more than one value."""
    (name,) = (
        field.name
        for field in response.DESCRIPTOR.fields
        if field.is_repeated and field.message_type is not None
    )
    return getattr(response, name)
