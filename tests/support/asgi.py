"""Calls an ASGI application without a socket, and keeps its cookies as a browser would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class AsgiResponse:
    status: int
    headers: Mapping[str, str]
    """The last value of each name, in lower case."""
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class AsgiClient:
    def __init__(self, app: ASGIApp, *, scheme: str = "http") -> None:
        self.app = app
        self._scheme = scheme
        self.cookies: dict[str, str] = {}
        self.cookie_headers: list[str] = []

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> AsgiResponse:
        return await self.send("GET", url, b"", headers or {})

    async def post_form(self, url: str, form: Mapping[str, str]) -> AsgiResponse:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self.send("POST", url, urlencode(form).encode(), headers)

    async def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> AsgiResponse:
        parts = urlsplit(url)
        sent = {"host": "admin.test", **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self._scheme,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("admin.test", 80),
        }
        answer: list[Message] = []
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            answer.append(message)

        await self.app(scope, receive, send)
        pairs = [(n.decode().lower(), v.decode()) for n, v in answer[0]["headers"]]
        self._keep([value for name, value in pairs if name == "set-cookie"])
        content = b"".join(message.get("body", b"") for message in answer[1:])
        return AsgiResponse(answer[0]["status"], dict(pairs), content)

    def _keep(self, headers: list[str]) -> None:
        self.cookie_headers = headers or self.cookie_headers
        for header in headers:
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
