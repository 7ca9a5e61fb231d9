"""Pages about grants: what clients may do in customers' names, and how that is ended."""

from typing import Final

from fastapi import APIRouter, Request, Response
from rafiki.grant.v1 import grant_admin_service_pb2 as pb

from services.frontend.ui.forms import Form
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import Ui, page_request

# The contract's PROCESSING is never set.
STATES: Final = (
    ("", "All states"),
    ("PENDING", "Pending: waits for the customer"),
    ("APPROVED", "Approved"),
    ("FINALIZED", "Final: issued, revoked or rejected"),
)
_ENDED: Final = frozenset({"REVOKED", "REJECTED"})


def grant_routes(ui: Ui) -> APIRouter:
    """The list, the details and the revocation."""
    router = APIRouter(prefix="/grants")
    pages = _GrantPages(ui)
    router.add_api_route("", pages.index, methods=["GET"])
    router.add_api_route("/{grant_id}", pages.detail, methods=["GET"])
    router.add_api_route("/{grant_id}/revoke", pages.revoke, methods=["POST"])
    return router


class _GrantPages:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._grants = ui.clients.grants

    async def index(self, request: Request) -> Response:
        session = await self._ui.session(request)
        form = Form(dict(request.query_params))
        state, identifier = form.optional_text("state"), form.optional_text("identifier")
        if state is not None:
            form.choice("state", tuple(name for name, _ in STATES))
        message = pb.ListGrantsRequest(
            tenant_id=session.scope,
            page=page_request(request),
            identifiers=[identifier] if identifier else [],
            states=[state] if state else [],
        )
        reply = await self._grants.ListGrants(message) if form.ok else pb.ListGrantsResponse()
        return self._ui.page(
            request,
            session,
            "grants.html",
            status=200 if form.ok else 422,
            form=form,
            reply=reply,
            states=STATES,
            filtered=bool(state or identifier),
        )

    async def detail(self, request: Request, grant_id: str) -> Response:
        session = await self._ui.session(request)
        return self._detail(request, session, await self._get(session, grant_id), Form())

    async def revoke(self, request: Request, grant_id: str) -> Response:
        session, form = await self._ui.posted(request)
        grant = await self._get(session, grant_id)
        message = pb.RevokeGrantRequest(
            tenant_id=session.scope, id=grant.id, idempotency_key=form.key
        )
        if await form.attempt(lambda: self._grants.RevokeGrant(message)) is None:
            return self._detail(request, session, grant, form)
        return self._ui.redirect(f"/grants/{grant.id}", notice="grant-revoked")

    async def _get(self, session: Session, grant_id: str) -> pb.Grant:
        return await self._grants.GetGrant(pb.GetGrantRequest(tenant_id=session.scope, id=grant_id))

    def _detail(self, request: Request, session: Session, grant: pb.Grant, form: Form) -> Response:
        return self._ui.page(
            request,
            session,
            "grant.html",
            status=200 if form.ok else 422,
            grant=grant,
            live=grant.finalization_reason not in _ENDED,
            form=form,
        )
