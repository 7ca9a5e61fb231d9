"""Page information of lists (schema `page-info`)."""

from typing import Annotated, TypeAlias

from pydantic import Field

from ilpkit.openpayments.wire import CURSOR_CHARACTERS_MAX, Omittable, WireModel

Cursor: TypeAlias = Annotated[str, Field(min_length=1, max_length=CURSOR_CHARACTERS_MAX)]


class PageInfo(WireModel):
    """Cursors are those of the first and last row, and absent on an empty page."""

    start_cursor: Omittable[Cursor] = None
    end_cursor: Omittable[Cursor] = None
    has_next_page: bool
    has_previous_page: bool


class Page(WireModel):
    """The base of list responses; each adds its `result`."""

    pagination: PageInfo
