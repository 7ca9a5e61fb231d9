"""ILP and STREAM codecs, one packet at a time: python -m bench.bench_codec."""

from ilpkit.ilp.packet import (
    Fulfill,
    Reject,
    decode_prepare,
    decode_reply,
    encode_fulfill,
    encode_prepare,
    encode_reject,
    patch_prepare,
)
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.packet import decode_stream_packet, encode_stream_packet

from bench.packet_samples import CREDENTIALS, PREPARE, RAW_PREPARE, SERVER_ADDRESS, SERVER_SECRET
from bench.packet_timing import median_us, print_head, print_row, reference_us

DECODE_TARGET_US = 4.0
ENCODE_TARGET_US = 4.0


def main() -> None:
    """Prints the table."""
    reference = reference_us(prepare=RAW_PREPARE, secret=SERVER_SECRET, address=SERVER_ADDRESS)
    keys = StreamKeys(CREDENTIALS.shared_secret)
    plaintext = keys.open(PREPARE.data)
    packet = decode_stream_packet(plaintext)
    fulfill, reject = Fulfill(bytes(32), bytes(36)), Reject("F99", SERVER_ADDRESS, "", bytes(36))
    raw_fulfill, raw_reject = encode_fulfill(fulfill), encode_reject(reject)
    print_head()
    print_row(
        f"decode a Prepare of {len(RAW_PREPARE)} B",
        median_us(lambda: decode_prepare(RAW_PREPARE)),
        DECODE_TARGET_US,
        reference.get("decode_prepare"),
    )
    print_row(
        f"encode a Prepare of {len(RAW_PREPARE)} B",
        median_us(lambda: encode_prepare(PREPARE)),
        ENCODE_TARGET_US,
        reference.get("encode_prepare"),
    )
    for name, operation in {
        "patch amount and expiry": lambda: patch_prepare(
            RAW_PREPARE, amount=7, expires_at_ms=1_900_000_000_000
        ),
        "decode a Fulfill": lambda: decode_reply(raw_fulfill),
        "encode a Fulfill": lambda: encode_fulfill(fulfill),
        "decode a Reject": lambda: decode_reply(raw_reject),
        "encode a Reject": lambda: encode_reject(reject),
        "decode a STREAM packet": lambda: decode_stream_packet(plaintext),
        "encode a STREAM packet": lambda: encode_stream_packet(packet),
        "open sealed data": lambda: keys.open(PREPARE.data),
        "condition of sealed data": lambda: keys.condition(PREPARE.data),
    }.items():
        print_row(name, median_us(operation), None, None)


if __name__ == "__main__":
    main()
