"""What can go wrong with peering by URL: the original's names, statuses and messages."""

from dataclasses import dataclass
from typing import Final

from servicekit.errors import FailedPrecondition, InvalidArgument, NotFound, ServiceError


@dataclass(frozen=True, slots=True)
class Problem:
    """One way to be refused, as it stands on the wire between nodes."""

    type: str
    status: int
    message: str


INVALID_PEER_ILP_CONFIGURATION: Final = Problem(
    "InvalidPeerIlpConfiguration", 400, "Requested peer's ILP configuration is misconfigured"
)
UNKNOWN_ASSET: Final = Problem("UnknownAsset", 404, "Unknown asset")
INVALID_PEERING_REQUEST: Final = Problem("InvalidPeeringRequest", 400, "Invalid peering request")


class PeeringRefused(Exception):  # noqa: N818 - it reads as what happened
    """A node that asked is not made a peer."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(f"{problem.message}: {detail}")
        self.problem = problem
        self.detail = detail


def invalid_peer_url(why: str) -> NotFound:
    """Nobody answers there, or nobody that knows auto-peering."""
    return NotFound(
        "UNKNOWN_PEER",
        f"Peer URL is invalid or peer does not support auto-peering: {why}",
        field="peer_url",
    )


def refused_by_peer(problem_type: str, message: str) -> ServiceError:
    """The node that was asked says no."""
    if problem_type == UNKNOWN_ASSET.type:
        return InvalidArgument("INVALID_FIELD", "Peer does not support asset", field="asset_id")
    if problem_type == INVALID_PEER_ILP_CONFIGURATION.type:
        return InvalidArgument(
            "INVALID_FIELD",
            "The ILP configuration is misconfigured: the peer does not take this node's address"
            " or connector URL",
            field="peer_url",
        )
    return FailedPrecondition(
        "WRONG_STATE", f"Invalid peering request: the peer refused it ({message})"
    )


def unusable_answer(why: str) -> FailedPrecondition:
    """The node that was asked says yes, and something that no peer can be made of."""
    return FailedPrecondition(
        "WRONG_STATE", f"Requested peer's ILP configuration is misconfigured: {why}"
    )
