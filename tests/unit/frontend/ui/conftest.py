import re

import pytest_asyncio

from tests.support import admin_node
from tests.support.admin_edge import SECRETS, AdminEdge
from tests.support.admin_messages import OPERATOR
from tests.support.asgi import AsgiResponse


def hidden(response: AsgiResponse, name: str) -> str:
    """The value of a hidden field of a page's first form that has it."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', response.text)
    assert found is not None, response.text
    return found[1]


class Browser:
    """A person at the admin UI."""

    def __init__(self, edge: AdminEdge) -> None:
        self.edge = edge
        self.services = edge.services
        self.http = edge.browser

    async def get(self, path: str) -> AsgiResponse:
        return await self.http.get(path)

    async def sign_in(
        self, tenant_id: str = OPERATOR, secret: str | None = None, next_path: str | None = None
    ) -> AsgiResponse:
        page = await self.get("/login")
        form = {
            "csrf": hidden(page, "csrf"),
            "key": hidden(page, "key"),
            "tenant_id": tenant_id,
            "api_secret": secret if secret is not None else SECRETS[tenant_id],
        }
        if next_path is not None:
            form["next"] = next_path
        return await self.http.post_form("/login", form)

    async def send(self, page: str, action: str, **fields: str) -> AsgiResponse:
        """Open a page and send one of its forms."""
        shown = await self.get(page)
        assert shown.status == 200, shown.text
        assert f'action="{action}"' in shown.text
        guard = {"csrf": hidden(shown, "csrf"), "key": hidden(shown, "key")}
        return await self.http.post_form(action, guard | fields)


@pytest_asyncio.fixture
async def stranger(edge: AdminEdge) -> Browser:
    admin_node.prepare(edge.services)
    return Browser(edge)


@pytest_asyncio.fixture
async def browser(stranger: Browser) -> Browser:
    assert (await stranger.sign_in()).status == 303
    return stranger
