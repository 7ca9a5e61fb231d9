"""What the guard found out about a request, and how it travels to the servicer.

Envoy removes these headers from every outside request, so only the guard can have set them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

GRANT_HEADER: Final = "x-rafiki-grant"
CLIENT_HEADER: Final = "x-rafiki-client"
ALL_HEADER: Final = "x-rafiki-all"
LIMITS_HEADER: Final = "x-rafiki-limits"
IDEMPOTENCY_HEADER: Final = "idempotency-key"
REST_HEADER: Final = "x-rafiki-rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who asks, and under which grant."""

    grant_id: str | None
    client: str | None
    """A wallet address or `jwk:<public key>`; None for native callers of the operator listener."""
    sees_all: bool
    """Whether other clients' payments may be seen."""
    limits: str | None
    """The grant's limits on outgoing payments, JSON."""

    @property
    def client_filter(self) -> str | None:
        """The client whose payments may be seen; None means any."""
        return None if self.sees_all else self.client

    def headers(self) -> dict[str, str]:
        """As the guard's answer carries it."""
        headers = {ALL_HEADER: "1" if self.sees_all else "0"}
        if self.grant_id is not None:
            headers[GRANT_HEADER] = self.grant_id
        if self.client is not None:
            headers[CLIENT_HEADER] = self.client
        if self.limits is not None:
            headers[LIMITS_HEADER] = self.limits
        return headers


NATIVE: Final = Verdict(grant_id=None, client=None, sees_all=True, limits=None)


def verdict_of(metadata: Iterable[tuple[str, str | bytes]]) -> Verdict | None:
    """The verdict on a call; NATIVE outside of REST, None when a REST call came without one."""
    values = {key: value for key, value in metadata if isinstance(value, str)}
    if REST_HEADER not in values:
        return NATIVE
    if ALL_HEADER not in values:
        return None
    return Verdict(
        grant_id=values.get(GRANT_HEADER),
        client=values.get(CLIENT_HEADER),
        sees_all=values[ALL_HEADER] == "1",
        limits=values.get(LIMITS_HEADER),
    )
