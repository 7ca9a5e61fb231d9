"""The payment packet that the packet benchmarks share: 210 bytes, an address of 105 characters."""

import os

from ilpkit.ilp.packet import Prepare, encode_prepare
from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.crypto import IV_BYTES, StreamKeys
from ilpkit.stream.frames import StreamMoney
from ilpkit.stream.packet import StreamPacket, encode_stream_packet

SERVER_SECRET = b"s" * 32
SERVER_ADDRESS = "test.bank.42"
CREDENTIALS = CredentialsFactory(SERVER_SECRET, SERVER_ADDRESS).make(
    os.urandom, payment_tag="9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
)


def payment_packet() -> Prepare:
    """A Prepare that pays 100 units on stream 1."""
    keys = StreamKeys(CREDENTIALS.shared_secret)
    packet = StreamPacket(5, 12, 99, (StreamMoney(1, 100),))
    data = keys.seal(encode_stream_packet(packet), os.urandom(IV_BYTES))
    return Prepare(100, 1_900_000_000_123, keys.condition(data), CREDENTIALS.ilp_address, data)


PREPARE = payment_packet()
RAW_PREPARE = encode_prepare(PREPARE)
