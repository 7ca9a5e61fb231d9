"""The stateless receiver, from the bytes of a Prepare to those of its Fulfill.

    python -m bench.bench_receiver

"Cached" means that the connection's keys are at hand, as they are from its second packet on.
"""

import os

from ilpkit.ilp.packet import Reject, decode_prepare, encode_fulfill
from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.receiver import Receiver

from bench.packet_samples import RAW_PREPARE, SERVER_ADDRESS, SERVER_SECRET
from bench.packet_timing import median_us, print_head, print_row, reference_us

CACHED_TARGET_US = 25.0
UNCACHED_TARGET_US = 40.0


def receive(receiver: Receiver) -> bytes:
    """One packet, all of it but the ledger."""
    incoming = receiver.open(decode_prepare(RAW_PREPARE))
    assert not isinstance(incoming, Reject)
    return encode_fulfill(incoming.fulfill(total_received=100))


def main() -> None:
    """Prints the table."""
    reference = reference_us(prepare=RAW_PREPARE, secret=SERVER_SECRET, address=SERVER_ADDRESS)
    factory = CredentialsFactory(SERVER_SECRET, SERVER_ADDRESS)
    cached = Receiver(credentials=factory, random_bytes=os.urandom)
    uncached = Receiver(credentials=factory, random_bytes=os.urandom, connections_max=0)
    npm_us = reference.get("receive")
    print_head()
    for name, receiver, target in (
        ("receive, cached keys", cached, CACHED_TARGET_US),
        ("receive, uncached", uncached, UNCACHED_TARGET_US),
    ):
        print_row(name, median_us(lambda receiver=receiver: receive(receiver)), target, npm_us)  # type: ignore[misc] # a default binds the loop's value


if __name__ == "__main__":
    main()
