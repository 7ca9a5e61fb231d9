"""What can be wrong with a sign-in or a session."""

from servicekit.errors import ResourceExhausted, Unauthenticated


def session_over() -> Unauthenticated:
    """Signed out, expired, or the tenant or its secret is gone; callers learn no more."""
    return Unauthenticated("CREDENTIALS_MISSING", "the session is over: sign in again")


def too_many_failures(limit: str) -> ResourceExhausted:
    """Somebody guesses."""
    return ResourceExhausted(
        "RATE_LIMITED",
        f"too many sign-ins failed ({limit}): wait a minute and try again",
        metadata={"limit": limit},
    )
