"""The bank's pages, its webhook receiver and its rates.

Handlers are coroutines without exception: the books belong to the event loop's thread.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import aiohttp
import structlog
from fastapi import FastAPI, Form, Header, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, Field
from servicekit.clock import Clock
from servicekit.hmac_signature import SignatureRefused, verify_signature

from deploy.local.ase.accounts import Accounts, UnknownAccountError
from deploy.local.ase.admin_api import SIGNATURE_VERSION, AdminApi, AdminApiError
from deploy.local.ase.consent import InteractionError, Interactions, in_words
from deploy.local.ase.settings import Settings
from deploy.local.ase.webhooks import WebhookHandler
from deploy.local.banks import RATES, money

RECONCILE_EVERY_S: Final = 30.0
SIGNATURE_AGE_MS_MAX: Final = 5 * 60_000
"""Each attempt at a delivery is signed anew, so an older one is somebody's replay."""
TEMPLATES: Final = Path(__file__).parent / "templates"
_SEE_OTHER: Final = 303
_log = structlog.get_logger(__name__)
_NONCE: Final = r"^[A-Za-z0-9._~-]{1,200}$"


class NewAccount(BaseModel):
    """An account to open."""

    wallet_address: str
    name: str
    balance: int = Field(ge=0)


class Bank:
    """What the pages work with; made when the application starts."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> None:
        """Open the books and the ways to the node."""
        self.accounts = Accounts(settings.database_file)
        self.interactions = Interactions(
            session=session, url=settings.interaction_url, secret=settings.identity_secret
        )
        self.webhooks = WebhookHandler(
            accounts=self.accounts,
            admin_api=AdminApi(
                session=session,
                url=settings.graphql_url,
                tenant_id=settings.tenant_id,
                secret=settings.api_secret,
                clock=clock,
            ),
            clock=clock,
        )


def create_app(settings: Settings, clock: Clock) -> FastAPI:
    """The application of one bank."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            bank = app.state.bank = Bank(settings, session, clock)
            reconciling = asyncio.create_task(_reconcile_again_and_again(bank, clock))
            yield
            reconciling.cancel()
            await asyncio.wait([reconciling])
            bank.accounts.close()

    app = FastAPI(title=settings.bank.name, lifespan=lifespan, openapi_url=None)
    templates = Jinja2Templates(directory=TEMPLATES)
    templates.env.globals["bank"] = settings.bank
    templates.env.filters["money"] = lambda units: money(
        units, settings.bank.asset_code, settings.bank.asset_scale
    )
    templates.env.filters["moment"] = _moment
    _add_machine_routes(app, settings, clock)
    _add_pages(app, templates)
    _add_consent(app, settings, templates)
    return app


def _add_machine_routes(app: FastAPI, settings: Settings, clock: Clock) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/rates")
    async def rates(base: str) -> Response:
        known = RATES.get(base)
        if known is None:
            raise HTTPException(404, f"no rates for {base}")
        pairs = ", ".join(f"{json.dumps(code)}: {rate}" for code, rate in known.items())
        # Written by hand: the rates are exact decimals, which a float would not keep.
        text = f'{{"base": {json.dumps(base)}, "rates": {{{pairs}}}}}'
        return Response(text, media_type="application/json")

    @app.put("/accounts/{wallet_address_id}", status_code=204)
    async def open_account(
        wallet_address_id: UUID,
        account: NewAccount,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> None:
        if authorization != f"Bearer {settings.ase_secret}":
            raise HTTPException(401, "the bank's own secret is needed")
        _bank(request).accounts.open_account(
            wallet_address_id=str(wallet_address_id),
            wallet_address=account.wallet_address,
            name=account.name,
            balance=account.balance,
        )

    @app.post("/webhooks")
    async def webhooks(
        request: Request, rafiki_signature: Annotated[str, Header()] = ""
    ) -> dict[str, str]:
        body = await request.body()
        try:
            verify_signature(
                rafiki_signature,
                secret=settings.webhook_secret,
                version=SIGNATURE_VERSION,
                body=body,
                now_ms=clock.now_ms(),
                ttl_ms=SIGNATURE_AGE_MS_MAX,
            )
        except SignatureRefused as refused:
            raise HTTPException(401, str(refused)) from refused
        event = json.loads(body)
        try:
            await _bank(request).webhooks.handle(event)
        except (AdminApiError, UnknownAccountError) as error:
            raise HTTPException(503, str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"the event lacks what it should tell: {error!r}") from error
        return {"status": "done"}


def _add_pages(app: FastAPI, templates: Jinja2Templates) -> None:
    @app.get("/", response_class=HTMLResponse)
    async def accounts(request: Request) -> Response:
        context = {"accounts": _bank(request).accounts.accounts()}
        return templates.TemplateResponse(request, "accounts.html", context)

    @app.get("/accounts", include_in_schema=False)
    async def accounts_as_data(request: Request) -> list[dict[str, Any]]:
        return [vars(account) for account in _bank(request).accounts.accounts()]

    @app.get("/accounts/{wallet_address_id}", response_class=HTMLResponse)
    async def account(request: Request, wallet_address_id: UUID) -> Response:
        books = _bank(request).accounts
        try:
            found = books.account(str(wallet_address_id))
        except UnknownAccountError as error:
            raise HTTPException(404, "no such account") from error
        context = {"account": found, "entries": books.entries(found.wallet_address_id)}
        return templates.TemplateResponse(request, "account.html", context)


def _add_consent(app: FastAPI, settings: Settings, templates: Jinja2Templates) -> None:
    # The names of the query parameters are the authorization server's.
    @app.get("/consent", response_class=HTMLResponse)
    async def consent(
        request: Request,
        interactId: UUID,  # noqa: N803 - the query names are the original's
        nonce: str,
        clientName: str = "",  # noqa: N803 - the query names are the original's
        clientUri: str = "",  # noqa: N803 - the query names are the original's
    ) -> Response:
        try:
            asked = await _bank(request).interactions.get(str(interactId), quote(nonce, safe=""))
        except InteractionError as error:
            return _failed(templates, request, error)
        context = {
            "interact_id": str(interactId),
            "nonce": nonce,
            "client_name": clientName,
            "client_uri": clientUri,
            "client_link": clientUri.startswith(("https://", "http://")),
            "items": in_words(asked.get("access", ())),
            "subjects": [subject["id"] for subject in _subjects(asked)],
            "pending": asked.get("state", "PENDING") == "PENDING",
        }
        return templates.TemplateResponse(request, "consent.html", context)

    @app.post("/consent")
    async def decide(
        request: Request,
        interactId: Annotated[UUID, Form()],  # noqa: N803 - the query names are the original's
        nonce: Annotated[str, Form(pattern=_NONCE)],
        decision: Annotated[str, Form(pattern="^(approve|deny)$")],
    ) -> Response:
        interactions = _bank(request).interactions
        try:
            await interactions.decide(str(interactId), nonce, approve=decision == "approve")
        except InteractionError as error:
            return _failed(templates, request, error)
        finish = f"{settings.auth_server_url}/interact/{interactId}/{nonce}/finish"
        return RedirectResponse(finish, status_code=_SEE_OTHER)


def _failed(templates: Jinja2Templates, request: Request, error: InteractionError) -> Response:
    context = {"reason": str(error)}
    return templates.TemplateResponse(request, "consent_failed.html", context, status_code=400)


def _subjects(asked: dict[str, Any]) -> list[dict[str, str]]:
    subjects: list[dict[str, str]] = (asked.get("subject") or {}).get("sub_ids", [])
    return subjects


async def _reconcile_again_and_again(bank: Bank, clock: Clock) -> None:
    while True:
        try:
            await bank.webhooks.reconcile()
        except AdminApiError as error:
            _log.warning("reconciling_waits", error=str(error))
        await clock.sleep(RECONCILE_EVERY_S)


def _bank(request: Request) -> Bank:
    bank: Bank = request.app.state.bank
    return bank


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
