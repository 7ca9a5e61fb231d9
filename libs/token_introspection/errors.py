"""What goes wrong when an authorization server is asked."""


class IntrospectionFailed(Exception):  # noqa: N818 - named by what happened
    """The authorization server did not answer, or not as the contract says: nothing is known.

    `retriable` tells whether the same question may be answered later.
    """

    def __init__(self, message: str, *, retriable: bool) -> None:
        super().__init__(message)
        self.retriable = retriable
