"""What goes wrong between this process and a TigerBeetle cluster, each with its remedy."""

from services.backend.ledger.errors import LedgerError, LedgerUnavailableError

DEVELOPMENT_CONNECTIONS_MAX = 8
CLUSTER_SESSIONS_MAX = 64


class TigerBeetleUnreachableError(LedgerUnavailableError):
    """No replica accepts connections.

    Remedy: start the cluster, or correct the addresses; then try again.
    """


class TigerBeetleSilentError(LedgerUnavailableError):
    """A replica accepts connections and does not answer in time.

    Remedy: check the cluster id (replicas drop what is meant for another cluster without a word)
    and that a majority of the replicas is up; then try again.
    """


class TigerBeetleClientLimitError(LedgerUnavailableError):
    """The cluster has no room for one more client; the official client would wait for ever.

    Remedy: run fewer processes that use the ledger (each holds one client), or start the replicas
    with a larger `--limit-pipeline-requests`; `--development` allows DEVELOPMENT_CONNECTIONS_MAX
    connections, and no cluster more than CLUSTER_SESSIONS_MAX sessions.
    """


class TigerBeetleReleaseError(LedgerError):
    """This client's release can't talk to the cluster's.

    Remedy: a client's release must be at least the cluster's minimum client release and at most the
    cluster's own; upgrade replicas first, then clients.
    """


class TigerBeetleAddressError(LedgerError):
    """The list of replica addresses can't be used: wrong syntax, too many, or an unknown host."""
