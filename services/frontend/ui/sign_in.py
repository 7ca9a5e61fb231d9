"""Signing in with a tenant's id and API secret, and out."""

import json
from typing import Final

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import session_service_pb2
from servicekit.errors import Kind, ServiceError
from servicekit.hmac_signature import make_signature

from services.frontend.ui.forms import Form
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import FormRefusedError, SignInRequiredError, Ui, local_path

# The same words whether the tenant or the secret is wrong.
REFUSED: Final = "The tenant id and the API secret do not match."
_REFUSALS: Final = frozenset(
    {Kind.UNAUTHENTICATED, Kind.NOT_FOUND, Kind.PERMISSION_DENIED, Kind.INVALID_ARGUMENT}
)


def sign_in_routes(ui: Ui) -> APIRouter:
    """Sign-in and sign-out."""
    router = APIRouter()

    @router.get("/login")
    async def show(request: Request) -> Response:
        try:
            await ui.session(request)
        except SignInRequiredError:
            session = ui.any_session(request)
            if session is None or session.token is not None:
                session = ui.sessions.start()
            return _form_page(ui, request, session, Form())
        return ui.redirect(local_path(request.query_params.get("next")))

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        session = ui.any_session(request)
        if session is None:
            raise FormRefusedError
        form = await ui.form(request, session)
        tenant_id, secret = form.text("tenant_id"), form.text("api_secret")
        if form.ok:
            signed_in = await _start(ui, request, form, tenant_id=tenant_id, secret=secret)
            if signed_in is not None:
                response = ui.redirect(local_path(form.values.get("next")))
                ui.set_cookie(request, response, signed_in)
                return response
        return _form_page(ui, request, session, form)

    @router.post("/logout")
    async def sign_out(request: Request) -> Response:
        try:
            session, _ = await ui.posted(request)
        except SignInRequiredError:
            return ui.redirect("/login")
        await ui.clients.sessions.EndSession(
            session_service_pb2.EndSessionRequest(token=session.token or "")
        )
        response = ui.redirect("/login", notice="signed-out")
        ui.drop_cookie(response)
        return response

    return router


async def _start(
    ui: Ui, request: Request, form: Form, *, tenant_id: str, secret: str
) -> Session | None:
    """A session for credentials that sign, as an API call's would."""
    # Two probes in one millisecond must differ, or the second would count as a replay.
    probe = {"query": "{ whoami { id } }", "variables": {}, "nonce": str(ui.ids.uuid())}
    signature = make_signature(
        probe, secret=secret, version=ui.signature_version, now_ms=ui.clock.now_ms()
    )
    try:
        started = await ui.clients.sessions.StartSession(
            session_service_pb2.StartSessionRequest(
                tenant_id=tenant_id,
                signature=signature,
                body=json.dumps(probe).encode(),
                source=_source(request),
            )
        )
    except ServiceError as error:
        if error.kind in _REFUSALS:
            form.problem = REFUSED
        else:
            form.absorb(error)
        return None
    return ui.sessions.start(token=started.token)


def _source(request: Request) -> str:
    """The browser's address: the last one, which our own Envoy adds; earlier ones are claims."""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded or (request.client.host if request.client is not None else "")


def _form_page(ui: Ui, request: Request, session: Session, form: Form) -> Response:
    form.values.pop("api_secret", None)
    next_path = local_path(form.values.get("next") or request.query_params.get("next"))
    status = 200 if form.ok else 422
    response = ui.page(
        request, session, "login.html", status=status, form=form, next_path=next_path
    )
    ui.set_cookie(request, response, session)
    return response
