"""What the guard adds to a process."""

from servicekit.guarded_requests import GUARD_METHODS, GUARD_PREFIX
from servicekit.parts import Part, Route

from services.backend.guard.build import Guarding


def part(guarding: Guarding) -> Part:
    """The answers to Envoy's question about each request of Open Payments."""
    path = f"{GUARD_PREFIX}/"
    return Part(
        routes=[
            Route(method=method, path=path, handler=guarding.guard.check, below=True)
            for method in GUARD_METHODS
        ],
        workers={
            "revocations": guarding.revocations.run,
            "auth server": guarding.auth_server.run,
        },
    )
