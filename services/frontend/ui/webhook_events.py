"""Pages about webhook events and their deliveries."""

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import event_service_pb2 as pb

from services.frontend.graphql.filters import EVENT_TYPES
from services.frontend.ui.forms import Form
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import Ui, page_request


def webhook_event_routes(ui: Ui) -> APIRouter:
    """The list and the details."""
    router = APIRouter(prefix="/webhook-events")
    pages = _EventPages(ui)
    router.add_api_route("", pages.index, methods=["GET"])
    router.add_api_route("/{event_id}", pages.detail, methods=["GET"])
    router.add_api_route("/{event_id}/replay", pages.replay, methods=["POST"])
    return router


class _EventPages:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._events = ui.clients.events

    async def index(self, request: Request) -> Response:
        session = await self._ui.session(request)
        event_type = request.query_params.get("type", "")
        reply = await self._events.ListWebhookEvents(
            pb.ListWebhookEventsRequest(
                tenant_id=session.scope,
                page=page_request(request),
                types=[event_type] if event_type in EVENT_TYPES else [],
            )
        )
        return self._ui.page(
            request,
            session,
            "webhook_events.html",
            reply=reply,
            types=EVENT_TYPES,
            event_type=event_type,
        )

    async def detail(self, request: Request, event_id: str) -> Response:
        session = await self._ui.session(request)
        return self._detail(request, session, await self._get(session, event_id), Form())

    async def replay(self, request: Request, event_id: str) -> Response:
        session, form = await self._ui.posted(request)
        event = await self._get(session, event_id)
        message = pb.ReplayWebhookEventRequest(
            tenant_id=session.scope, id=event.id, idempotency_key=form.key
        )
        if await form.attempt(lambda: self._events.ReplayWebhookEvent(message)) is None:
            return self._detail(request, session, event, form)
        return self._ui.redirect(f"/webhook-events/{event.id}", notice="replayed")

    async def _get(self, session: Session, event_id: str) -> pb.WebhookEvent:
        return await self._events.GetWebhookEvent(
            pb.GetWebhookEventRequest(tenant_id=session.scope, id=event_id)
        )

    def _detail(
        self, request: Request, session: Session, event: pb.WebhookEvent, form: Form
    ) -> Response:
        status = 200 if form.ok else 422
        return self._ui.page(
            request,
            session,
            "webhook_event.html",
            status=status,
            event=event,
            replayable=_is_replayable(event),
            form=form,
        )


def _is_replayable(event: pb.WebhookEvent) -> bool:
    """Whether asking again changes anything, by the backend's own rule.

    A parked delivery is opened again, whatever became of others. What waits for an attempt is
    delivered by itself.
    """
    states = {delivery.state for delivery in event.deliveries}
    return pb.DELIVERY_STATE_PARKED in states or pb.DELIVERY_STATE_PENDING not in states
