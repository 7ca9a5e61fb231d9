"""What all pages share: sessions, forms with their CSRF token, templates and headers."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rafiki.admin.v1 import session_service_pb2
from rafiki.common.v1 import paging_pb2
from servicekit.clock import Clock
from servicekit.errors import Kind, ServiceError, Unauthenticated
from servicekit.ids import IdSource

from services.frontend.clients import Clients
from services.frontend.graphql.endpoint import BodyTooLargeError, read_body
from services.frontend.ui import filters
from services.frontend.ui.forms import Form
from services.frontend.ui.sessions import (
    COOKIE,
    LIFE_S_MAX,
    NOTICE_COOKIE,
    NOTICE_S_MAX,
    Session,
    Sessions,
)

FOLDER: Final = Path(__file__).parent
FIELDS_MAX: Final = 100
PAGE_SIZE: Final = 20
QUERY_CHARACTERS_MAX: Final = 2_048
# Everything comes from here, nothing runs, and nobody frames it.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class SignInRequiredError(Exception):
    """The page is for those who are signed in."""


class FormRefusedError(Exception):
    """A form came without its token, or with more than it may."""


class Ui:
    """The tools of the pages."""

    def __init__(
        self,
        *,
        clients: Clients,
        sessions: Sessions,
        clock: Clock,
        ids: IdSource,
        cookie_secure: bool,
        signature_version: int,
    ) -> None:
        self.clients = clients
        self.sessions = sessions
        self.clock = clock
        self.ids = ids
        self.signature_version = signature_version
        self._cookie_secure = cookie_secure
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(filters.FILTERS)
        style = (FOLDER / "static" / "admin.css").read_bytes()
        self._templates.globals["style_version"] = hashlib.sha256(style).hexdigest()[:12]

    async def session(self, request: Request) -> Session:
        """Who is signed in; raises SignInRequiredError."""
        session = self.any_session(request)
        if session is None or session.token is None:
            raise SignInRequiredError
        try:
            whose = await self.clients.sessions.CheckSession(
                session_service_pb2.CheckSessionRequest(token=session.token)
            )
        except Unauthenticated:
            raise SignInRequiredError from None
        return replace(session, tenant_id=whose.tenant_id, is_operator=whose.is_operator)

    def any_session(self, request: Request) -> Session | None:
        """The session of a request, signed in or not."""
        return self.sessions.open(request.cookies.get(COOKIE))

    async def posted(self, request: Request) -> tuple[Session, Form]:
        """Who sent a form, and the form; raises SignInRequiredError and FormRefusedError."""
        session = await self.session(request)
        return session, await self.form(request, session)

    async def form(self, request: Request, session: Session) -> Form:
        """A form that was made for this session; raises FormRefusedError."""
        try:
            body = await read_body(request.headers.get("content-length", ""), request.receive)
            pairs = parse_qsl(
                body.decode(),
                keep_blank_values=True,
                max_num_fields=FIELDS_MAX,
                strict_parsing=True,
            )
        except (BodyTooLargeError, ValueError):
            raise FormRefusedError from None
        values = dict(pairs)
        token = values.pop("csrf", "")
        if not hmac.compare_digest(token.encode(), session.csrf.encode()):
            raise FormRefusedError
        return Form(values)

    def page(
        self, request: Request, session: Session, template: str, *, status: int = 200, **data: Any
    ) -> Response:
        """A page for a session."""
        notice = self.sessions.open_notice(request.cookies.get(NOTICE_COOKIE))
        content = self._templates.get_template(template).render(
            session=session,
            path=request.url.path,
            notice=filters.NOTICES.get(notice or ""),
            query=request.query_params,
            new_key=lambda: str(self.ids.uuid()),
            no_form=Form(),
            **data,
        )
        response = HTMLResponse(content, status_code=status, headers=dict(HEADERS))
        if self.sessions.is_stale(session):
            self.set_cookie(request, response, session)
        if notice is not None:
            response.delete_cookie(NOTICE_COOKIE, path="/")
        return response

    def error_page(self, request: Request, *, status: int, title: str, text: str) -> Response:
        """A page that says what went wrong, to whoever asked."""
        session = self.any_session(request) or self.sessions.start()
        return self.page(request, session, "error.html", status=status, title=title, text=text)

    def redirect(self, path: str, *, notice: str | None = None) -> Response:
        """Go on to a page, which a reload then shows again without sending anything."""
        response = RedirectResponse(path, status_code=303, headers=dict(HEADERS))
        if notice is not None:
            response.set_cookie(
                NOTICE_COOKIE,
                self.sessions.seal_notice(notice),
                max_age=NOTICE_S_MAX,
                httponly=True,
                samesite="lax",
                secure=self._cookie_secure,
                path="/",
            )
        return response

    def set_cookie(self, request: Request, response: Response, session: Session) -> None:
        """Let the browser keep a session."""
        response.set_cookie(
            COOKIE,
            self.sessions.seal(session),
            max_age=LIFE_S_MAX,
            httponly=True,
            samesite="lax",
            secure=self._cookie_secure or request.url.scheme == "https",
            path="/",
        )

    def drop_cookie(self, response: Response) -> None:
        """Let the browser forget its session."""
        response.delete_cookie(COOKIE, path="/")


def page_request(request: Request) -> paging_pb2.PageRequest:
    """Which page of a list a URL asks for."""
    after, before = request.query_params.get("after"), request.query_params.get("before")
    if before:
        return paging_pb2.PageRequest(cursor=before, last=PAGE_SIZE)
    return paging_pb2.PageRequest(cursor=after or None, first=PAGE_SIZE)


def local_path(text: str | None) -> str:
    """A path of this site to go on to, `/` for anything else."""
    if not text or len(text) > QUERY_CHARACTERS_MAX or not text.startswith("/"):
        return "/"
    parts = urlsplit(text)
    # `//host` and `/\host` lead elsewhere.
    outside = parts.scheme or parts.netloc or text[1:2] in ("/", "\\")
    return "/" if outside or any(ord(letter) < ord(" ") for letter in text) else text


def error_texts(error: ServiceError) -> tuple[int, str, str]:
    """Status, title and text of the page about a refused read."""
    if error.kind in (Kind.NOT_FOUND, Kind.INVALID_ARGUMENT):
        return 404, "Not found", "There is nothing here, or it belongs to someone else."
    if error.kind in (Kind.PERMISSION_DENIED, Kind.UNAUTHENTICATED):
        return 403, "Not allowed", "Your account may not see this page."
    if error.kind in (Kind.UNAVAILABLE, Kind.DEADLINE, Kind.RESOURCE_EXHAUSTED):
        return 503, "Not available", "A service does not answer right now. Please try again."
    if error.kind is Kind.UNIMPLEMENTED:
        # An authorization server that replaced ours may know nothing of administrators.
        return 501, "Not offered", "The service behind this page does not offer it."
    return 500, "Something went wrong", "The error is on our side, and it has been logged."
