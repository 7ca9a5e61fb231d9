"""Decisions about grants, without IO: what needs a user, and when a continuation may go on.

Rules, from Rafiki's behaviour:
- Outgoing payments and subjects always need a user; list-all does unless the operator says
  otherwise; incoming payments and quotes only if the operator says so.
- What needs a user needs an identifier (quotes have none), `interact`, a client with a wallet
  address, and a tenant with a consent page.
- A client with a finish URL continues by reference; one without polls.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ilpkit.gnap.request import GrantRequest
from ilpkit.openpayments.access import (
    AccessItem,
    IncomingPaymentAccess,
    OutgoingPaymentAccess,
    QuoteAccess,
)
from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_wallet_address

from services.auth.gnap.errors import (
    InvalidRequest,
    RequestDenied,
    TooFast,
    UnknownContinuation,
    UnusableClient,
)
from services.auth.grants.model import Finalization, Grant, GrantState
from services.auth.interactions.model import Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionPolicy:
    """The operator's choice of what needs a user beside outgoing payments."""

    incoming_payment: bool = False
    quote: bool = False
    list_all: bool = True


class NextStep(Enum):
    """What a continuation leads to."""

    WAIT = "the user has not decided"
    ISSUE = "the token is due"


def item_needs_user(item: AccessItem, policy: InteractionPolicy) -> bool:
    """Whether a user must agree to this item."""
    if isinstance(item, OutgoingPaymentAccess):
        return True
    if policy.list_all and "list-all" in item.actions:
        return True
    return policy.incoming_payment if isinstance(item, IncomingPaymentAccess) else policy.quote


def needs_interaction(request: GrantRequest, policy: InteractionPolicy) -> bool:
    """Whether a user must agree, and if so, that the request is fit for it.

    Raises:
        InvalidRequest: `interact` or an identifier is missing.
        UnusableClient: the client is a bare key, which no user can be shown.
    """
    items = () if request.access_token is None else request.access_token.access
    asked = [index for index, item in enumerate(items) if item_needs_user(item, policy)]
    if not asked and request.subject is None:
        return False
    for index in asked:
        item = items[index]
        if not isinstance(item, QuoteAccess) and item.identifier is None:
            raise InvalidRequest(
                "access that a user must agree to needs an identifier; name the wallet address",
                field=f"access_token.access[{index}].identifier",
            )
    if request.interact is None:
        raise InvalidRequest("a user must agree to this access; add interact", field="interact")
    if request.client_wallet_address is None:
        raise UnusableClient(
            "a client that is only a key can't ask users; use a wallet address", field="client"
        )
    return True


def named_wallet_addresses(request: GrantRequest) -> list[tuple[str, str]]:
    """Field and canonical wallet address of each access item that has an identifier.

    Raises:
        InvalidRequest: an identifier is no wallet address.
    """
    items = () if request.access_token is None else request.access_token.access
    named = []
    for index, item in enumerate(items):
        if isinstance(item, QuoteAccess) or item.identifier is None:
            continue
        field = f"access_token.access[{index}].identifier"
        try:
            named.append((field, canonical_wallet_address(item.identifier)))
        except InvalidWalletAddress as invalid:
            raise InvalidRequest(f"{invalid.limit}; {invalid.remedy}", field=field) from None
    return named


def next_step(
    grant: Grant,
    interaction: Interaction | None,
    *,
    interact_ref: str | None,
    now: datetime,
    wait_s: int,
) -> NextStep:
    """What a continuation leads to.

    Raises UnknownContinuation, RequestDenied or TooFast.
    """
    if interact_ref is not None and not _is_ref_of(interaction, interact_ref):
        raise UnknownContinuation("the grant has no interaction with this interact_ref")
    if not grant.live:
        raise UnknownContinuation(f"the grant is {_reason(grant)}")
    if interact_ref is None and grant.finish is not None:
        raise RequestDenied("a grant with a finish method is continued with its interact_ref")
    if interaction is None:
        raise RequestDenied("there is nothing to continue: the token came with the grant")
    last = grant.continued_at or grant.created_at
    if now < last + timedelta(seconds=wait_s):
        raise TooFast(wait_s=wait_s)
    if grant.state is GrantState.APPROVED:
        return NextStep.ISSUE
    if grant.state is GrantState.FINALIZED:
        raise RequestDenied("the grant's token was issued before")
    if interact_ref is not None:
        raise RequestDenied("the user has not finished the interaction")
    if interaction.expired(now):
        raise RequestDenied("the interaction expired before the user decided")
    return NextStep.WAIT


def _is_ref_of(interaction: Interaction | None, presented: str) -> bool:
    return interaction is not None and hmac.compare_digest(
        interaction.ref.encode(), presented.encode()
    )


def _reason(grant: Grant) -> str:
    return "rejected" if grant.finalization is Finalization.REJECTED else "revoked"
