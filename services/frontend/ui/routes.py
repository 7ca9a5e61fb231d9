"""All pages on one application, and the pages for what goes wrong."""

from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from servicekit.errors import ServiceError
from starlette.exceptions import HTTPException

from services.frontend.ui.assets import asset_routes
from services.frontend.ui.dashboard import dashboard_routes
from services.frontend.ui.grants import grant_routes
from services.frontend.ui.payments import payment_routes
from services.frontend.ui.peers import peer_routes
from services.frontend.ui.search import search_routes
from services.frontend.ui.sign_in import sign_in_routes
from services.frontend.ui.wallet_addresses import wallet_address_routes
from services.frontend.ui.web import (
    FOLDER,
    FormRefusedError,
    SignInRequiredError,
    Ui,
    error_texts,
    local_path,
)
from services.frontend.ui.webhook_events import webhook_event_routes


def add_pages(app: FastAPI, ui: Ui) -> None:
    """Serve the admin web UI beside what the application serves already."""
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    for routes in (
        sign_in_routes,
        dashboard_routes,
        asset_routes,
        peer_routes,
        wallet_address_routes,
        payment_routes,
        grant_routes,
        webhook_event_routes,
        search_routes,
    ):
        app.include_router(routes(ui), include_in_schema=False)
    _add_error_pages(app, ui)


def _add_error_pages(app: FastAPI, ui: Ui) -> None:
    async def sign_in_required(request: Request, _: Exception) -> Response:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = local_path(here) if request.method == "GET" else "/"
        return ui.redirect("/login" if back == "/" else f"/login?next={quote(back, safe='')}")

    async def form_refused(request: Request, _: Exception) -> Response:
        return ui.error_page(
            request,
            status=403,
            title="Please send the form again",
            text="It was open for too long, or came from another site. Nothing was changed.",
        )

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, ServiceError):
            raise TypeError from error
        status, title, text = error_texts(error)
        return ui.error_page(request, status=status, title=title, text=text)

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return ui.error_page(
            request, status=status, title="Not found", text="There is no page at this address."
        )

    async def failed(request: Request, _: Exception) -> Response:
        title = "Something went wrong"
        text = "The error is on our side, and it has been logged."
        return ui.error_page(request, status=500, title=title, text=text)

    app.add_exception_handler(Exception, failed)
    app.add_exception_handler(SignInRequiredError, sign_in_required)
    app.add_exception_handler(FormRefusedError, form_refused)
    app.add_exception_handler(ServiceError, refused)
    app.add_exception_handler(HTTPException, http_error)
