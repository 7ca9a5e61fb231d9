"""What the guard adds to a process."""

from servicekit.guarded_requests import GUARD_METHODS, GUARD_PREFIX
from servicekit.parts import Part, Route

from services.auth.guard.decision import Guard
from services.auth.guard.routes import GuardRoutes


def part(guard: Guard) -> Part:
    """The answers to Envoy's question about each GNAP request."""
    handler = GuardRoutes(guard=guard).handle
    return Part(
        routes=[
            Route(method=method, path=GUARD_PREFIX, handler=handler, below=True)
            for method in GUARD_METHODS
        ]
    )
