"""What can be wrong with an Open Payments value, and which rule of a grant refuses a payment."""
# ruff: noqa: N818 - the names say what is wrong; "Error" after each would say nothing more

from ilpkit.errors import PolicyRefusal, RemoteProtocolError


class InvalidValue(RemoteProtocolError):
    """A received value breaks a rule; the message is one sentence fit for the sender to read."""

    def __init__(self, *, field: str, limit: str, remedy: str) -> None:
        super().__init__(f"{field} {limit}; {remedy}")
        self.field: str = field
        """Where: a path such as `incomingAmount.assetScale` or `access[0].actions`."""
        self.limit: str = limit
        """The rule that was broken, as the rest of a sentence that starts with the field."""
        self.remedy: str = remedy
        """What to do about it."""


class InvalidBody(InvalidValue):
    """A request or response body of the wrong shape."""


class InvalidWalletAddress(InvalidValue):
    """A text that is neither a wallet address nor a payment pointer."""


class InvalidInterval(InvalidValue):
    """A text that is not an ISO 8601 repeating interval."""


class SpendingRefused(PolicyRefusal):
    """The grant does not cover this payment; the root of the refusals below."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ilp_code="F99")


class ReceiverNotGranted(SpendingRefused):
    """The grant is for another receiver."""


class AssetNotGranted(SpendingRefused):
    """The grant's limit is in another asset than the payment."""


class OutsideInterval(SpendingRefused):
    """No window of the grant's interval contains this moment."""


class LimitExceeded(SpendingRefused):
    """The payment would take the total of this window over the limit."""
