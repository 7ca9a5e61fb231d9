"""Values for unit tests of auth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ilpkit.gnap.client import WalletAddressClient

from services.auth.grants.model import Finalization, Finish, Grant, GrantState
from services.auth.interactions.model import Interaction, InteractionState

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FINISH = Finish(uri="http://client.test/done", nonce="n")


def grant(**changes: Any) -> Grant:
    base = Grant(
        id=UUID(int=1),
        tenant_id=UUID(int=2),
        client=WalletAddressClient("http://client.test"),
        client_name="Client",
        access=(),
        subject_ids=(),
        state=GrantState.PENDING,
        finalization=None,
        interactive=True,
        finish=FINISH,
        continue_id=UUID(int=3),
        created_at=NOW - timedelta(seconds=5),
        continued_at=None,
    )
    return replace(base, **changes)


def interaction(**changes: Any) -> Interaction:
    base = Interaction(
        id=UUID(int=4),
        grant_id=UUID(int=1),
        nonce="NONCE",
        ref="REF",
        state=InteractionState.PENDING,
        created_at=NOW - timedelta(seconds=5),
        expires_at=NOW + timedelta(seconds=595),
    )
    return replace(base, **changes)


STATES: dict[str, dict[str, Any]] = {
    "pending": {"state": GrantState.PENDING, "finalization": None},
    "approved": {"state": GrantState.APPROVED, "finalization": None},
    "issued": {"state": GrantState.FINALIZED, "finalization": Finalization.ISSUED},
    "rejected": {"state": GrantState.FINALIZED, "finalization": Finalization.REJECTED},
    "revoked": {"state": GrantState.FINALIZED, "finalization": Finalization.REVOKED},
}
