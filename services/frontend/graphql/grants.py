"""Grants that the authorization server gave to clients."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum
from typing import Annotated, TypeAlias
from uuid import NAMESPACE_OID, uuid5

import strawberry
from google.protobuf.json_format import MessageToJson
from rafiki.common.v1 import money_pb2
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.introspection.v1 import introspection_service_pb2

from services.frontend.graphql.common import FilterString, Model, documented, mutation, not_offered
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import UInt8, UInt64, iso, optional

GrantIdArgument: TypeAlias = Annotated[strawberry.ID, strawberry.argument(name="id")]


@strawberry.enum
class GrantState(Enum):
    """How far a grant is."""

    PROCESSING = "PROCESSING"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    FINALIZED = "FINALIZED"


@strawberry.enum
class GrantFinalization(Enum):
    """How a grant ended."""

    ISSUED = "ISSUED"
    REVOKED = "REVOKED"
    REJECTED = "REJECTED"


@strawberry.type
class PaymentAmount:
    """An integer amount of an asset."""

    value: UInt64
    asset_code: str
    asset_scale: UInt8


@strawberry.type(description="What an access may at most do.")
class LimitData:
    """What an access may at most do."""

    receiver: str | None
    debit_amount: PaymentAmount | None
    receive_amount: PaymentAmount | None
    interval: str | None


@strawberry.type(description="What a grant lets its client do.")
class Access(Model):
    """What a grant lets its client do."""

    id: strawberry.ID
    identifier: str | None
    type: str
    actions: list[str | None]
    limits: LimitData | None
    created_at: str


@strawberry.type
class SubjectItem(Model):
    """A subject that a grant is about."""

    id: strawberry.ID
    sub_id: str
    sub_id_format: str
    created_at: str


@strawberry.type
class Subject:
    """The subjects that a grant is about."""

    sub_ids: list[SubjectItem] = strawberry.field(name="sub_ids")


@strawberry.type(description="What the authorization server gave to a client.")
class Grant(Model):
    """What the authorization server gave to a client."""

    id: strawberry.ID
    client: str | None
    access: list[Access]
    subject: Subject | None
    state: GrantState
    finalization_reason: GrantFinalization | None
    created_at: str
    tenant_id: strawberry.ID


@strawberry.type
class GrantEdge:
    """A grant in a page."""

    node: Grant
    cursor: str


@strawberry.type
class GrantsConnection:
    """A page of grants."""

    page_info: PageInfo
    edges: list[GrantEdge]


@strawberry.input
class FilterGrantState:
    """States that a grant must or must not be in."""

    in_: list[GrantState] | None = strawberry.field(name="in", default=None)
    not_in: list[GrantState] | None = None


@strawberry.input
class FilterFinalizationReason:
    """Ends that a grant must or must not have."""

    in_: list[GrantFinalization] | None = strawberry.field(name="in", default=None)
    not_in: list[GrantFinalization] | None = None


@strawberry.input
class GrantFilter:
    """Which grants."""

    identifier: FilterString | None = None
    state: FilterGrantState | None = None
    finalization_reason: FilterFinalizationReason | None = None


@strawberry.input
class RevokeGrantInput:
    """Which grant."""

    grant_id: str


@strawberry.type
class RevokeGrantMutationResponse:
    """The grant that is revoked."""

    id: strawberry.ID


def grant_node(message: pb.Grant) -> Grant:
    """A grant from the wire; its parts have no rows of their own, so their ids derive from its."""
    created_at = iso(message.created_at)
    reason = optional(message, "finalization_reason")
    subject = (
        Subject(
            sub_ids=[
                SubjectItem(
                    id=_part_id(message.id, f"subject {index}"),
                    sub_id=item.id,
                    sub_id_format=item.format,
                    created_at=created_at,
                )
                for index, item in enumerate(message.subject.sub_ids)
            ]
        )
        if message.HasField("subject")
        else None
    )
    return Grant(
        id=strawberry.ID(message.id),
        client=_client(message.client),
        access=[
            Access(
                id=_part_id(message.id, f"access {index}"),
                identifier=optional(item, "identifier"),
                type=item.type,
                actions=list(item.actions),
                limits=_limits(item.limits) if item.HasField("limits") else None,
                created_at=created_at,
            )
            for index, item in enumerate(message.access)
        ],
        subject=subject,
        state=GrantState(message.state),
        finalization_reason=None if reason is None else GrantFinalization(reason),
        created_at=created_at,
        tenant_id=strawberry.ID(message.tenant_id),
    )


@strawberry.type
class GrantQuery:
    """Reads of grants."""

    @documented
    async def grant(self, info: Info, grant_id: GrantIdArgument) -> Grant:
        """One grant."""
        return grant_node(
            await info.context.clients.grants.GetGrant(
                pb.GetGrantRequest(id=grant_id, tenant_id=info.context.scope())
            )
        )

    @documented
    async def grants(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        filter: GrantFilter | None = None,
        sort_order: SortOrder | None = None,
        tenant_id: strawberry.ID | None = None,
    ) -> GrantsConnection:
        """Grants."""
        wanted = filter or GrantFilter()
        if wanted.finalization_reason is not None:
            raise not_offered("filters by the end of a grant")
        if wanted.identifier is not None and wanted.identifier.not_in is not None:
            raise not_offered("filters by excluded identifiers")
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.grants.ListGrants(
            pb.ListGrantsRequest(
                tenant_id=info.context.scope(tenant_id),
                page=page,
                identifiers=(wanted.identifier.in_ or []) if wanted.identifier else [],
                states=_states(wanted.state),
            )
        )
        return GrantsConnection(
            page_info=page_info(reply.page_info),
            edges=[
                GrantEdge(node=grant_node(message), cursor=message.id) for message in reply.grants
            ],
        )


@strawberry.type
class GrantMutation:
    """Changes to grants."""

    @mutation
    async def revoke_grant(
        self, info: Info, input: RevokeGrantInput
    ) -> RevokeGrantMutationResponse:
        """Revoke a grant and its tokens."""
        await info.context.clients.grants.RevokeGrant(
            pb.RevokeGrantRequest(
                id=input.grant_id,
                tenant_id=info.context.scope(),
                idempotency_key=info.context.key(),
            )
        )
        return RevokeGrantMutationResponse(id=strawberry.ID(input.grant_id))


def _states(wanted: FilterGrantState | None) -> list[str]:
    if wanted is None or (wanted.in_ is None and wanted.not_in is None):
        return []
    among = list(GrantState) if wanted.in_ is None else wanted.in_
    return [state.value for state in among if state not in (wanted.not_in or ())]


def _part_id(grant_id: str, part: str) -> strawberry.ID:
    return strawberry.ID(str(uuid5(NAMESPACE_OID, f"{grant_id} {part}")))


def _client(message: introspection_service_pb2.Client) -> str | None:
    if message.HasField("wallet_address"):
        return message.wallet_address
    return MessageToJson(message.jwk, indent=None) if message.HasField("jwk") else None


def _limits(message: introspection_service_pb2.Limits) -> LimitData:
    return LimitData(
        receiver=optional(message, "receiver"),
        debit_amount=_amount(optional(message, "debit_amount")),
        receive_amount=_amount(optional(message, "receive_amount")),
        interval=optional(message, "interval"),
    )


def _amount(message: money_pb2.Amount | None) -> PaymentAmount | None:
    if message is None:
        return None
    return PaymentAmount(
        value=UInt64(message.value),
        asset_code=message.asset_code,
        asset_scale=UInt8(message.asset_scale),
    )
