"""What the guard adds to a process."""

from servicekit.guarded_requests import GUARD_METHODS, GUARD_PREFIX
from servicekit.parts import Part, Route

from services.backend.guard.service import Guard


def part(guard: Guard) -> Part:
    """The answers to Envoy's question about each request of Open Payments."""
    path = f"{GUARD_PREFIX}/"
    return Part(
        routes=[
            Route(method=method, path=path, handler=guard.check, below=True)
            for method in GUARD_METHODS
        ]
    )
