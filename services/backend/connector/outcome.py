"""What became of a packet that was handed to a peer.

A reply that was read is a value: Fulfill or Reject. What is not a reply is one of two errors, and
only the first lets the packet's money go back (UnknownOutcomeError is the protocol kit's):

| the peer's end                                               | error               |
|--------------------------------------------------------------|---------------------|
| connection refused, unknown host, TLS refused, no connection | NotSentError        |
| in time; HTTP status by which the request was not carried    |                     |
| out; the packet expired before it was sent                   |                     |
| anything after the first byte may have left: reset, early    | UnknownOutcomeError |
| end, silence, HTTP 5xx, a body that is no ILP reply          |                     |
"""

from ilpkit.errors import RemoteProtocolError


class NotSentError(RemoteProtocolError):
    """The peer never saw the packet, so it can't fulfill it."""
