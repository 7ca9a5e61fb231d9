"""What a REST client that the guard has proven, or a native caller, shows of itself."""

from uuid import UUID

from servicekit.guarded_requests import gnap_token
from servicekit.verdict import Caller, Verdict

from services.auth.gnap.errors import UnprovenClient


def verdict_of(caller: Caller) -> Verdict:
    """The guard's verdict. Raises UnprovenClient for a REST call without one."""
    found = caller.verdict
    if found is None:
        raise _unchecked()
    return found


def grant_of(caller: Caller) -> UUID | None:
    """The grant that the guard found; None for a native caller.

    Raises UnprovenClient for a REST call without one.
    """
    grant_id = verdict_of(caller).grant_id
    if grant_id is not None:
        return UUID(grant_id)
    if caller.rest:
        raise _unchecked()
    return None


def token_of(caller: Caller, native: str | None) -> str:
    """The continue or access token: the Authorization header's, or a native caller's field.

    Raises UnprovenClient if there is none.
    """
    value = gnap_token(caller.metadata.get("authorization")) if caller.rest else native
    if not value:
        raise UnprovenClient("a GNAP token is needed")
    return value


def _unchecked() -> UnprovenClient:
    return UnprovenClient("the request's signature was not checked")
