"""CPU of one signature, one verification and one body check: the edge's own work for a request.

Run `python bench/bench_httpsig.py`; prints microseconds of CPU a call, the best of five rounds.
"""

import time
from collections.abc import Callable

from ilpkit.gnap.request import GRANT_REQUEST
from ilpkit.httpsig.keys import parse_public_jwk, private_key_from_seed, public_jwk
from ilpkit.httpsig.sign import sign_request
from ilpkit.httpsig.verify import parse_signatures, verify_request
from ilpkit.openpayments.bodies import validate_body
from ilpkit.openpayments.incoming_payment import CREATE_INCOMING_PAYMENT
from ilpkit.openpayments.intervals import parse_interval
from ilpkit.openpayments.wire import parse_timestamp

_ROUNDS = 5
_CALLS = 2000
_CREATED = 1700000000
_URL = "https://op.example/tenant/incoming-payments"
_BODY = (
    b'{"walletAddress":"https://a.example/alice","incomingAmount":{"value":"2500",'
    b'"assetCode":"USD","assetScale":2},"expiresAt":"2026-02-03T23:20:50.52Z",'
    b'"metadata":{"description":"coffee","externalRef":"INV2022-02-0137"}}'
)
_GRANT = (
    b'{"client":"https://a.example/alice","access_token":{"access":[{"type":"outgoing-payment",'
    b'"actions":["create","read"],"identifier":"https://a.example/alice","limits":{"interval":'
    b'"R12/2019-08-24T14:15:22Z/P1M","debitAmount":{"value":"500","assetCode":"USD",'
    b'"assetScale":2}}}]},"interact":{"start":["redirect"]}}'
)


def _cpu_us(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time_ns()
        for _ in range(_CALLS):
            call()
        best = min(best, (time.process_time_ns() - started) / _CALLS / 1000)
    return best


def main() -> None:
    """Print the table."""
    private = private_key_from_seed(bytes(range(32)))
    public = parse_public_jwk(public_jwk(private, kid="key-1"))
    now = parse_timestamp("2026-02-03T23:20:50Z")
    assert now is not None
    interval = parse_interval("R/2019-01-31T14:15:22Z/P1M")
    sent = {"authorization": "GNAP 0123456789ABCDEF0123", "host": "op.example", "accept": "*/*"}

    def sign() -> dict[str, str]:
        return sign_request(
            method="POST",
            target_uri=_URL,
            headers=sent,
            body=_BODY,
            key_id="key-1",
            private_key=private,
            created=_CREATED,
        )

    headers = sent | sign()
    message = b"m" * 400
    signature = private.sign(message)

    def verify() -> None:
        verify_request(
            method="POST",
            target_uri=_URL,
            headers=headers,
            body=_BODY,
            parsed=parse_signatures(headers)[0],
            public_key=public,
            now=_CREATED,
        )

    rows: list[tuple[str, Callable[[], object]]] = [
        ("sign a request with a body", sign),
        ("read and verify a signature", verify),
        ("  of that, Ed25519 alone", lambda: public.verifies(signature=signature, message=message)),
        (
            "check a create-incoming-payment body",
            lambda: validate_body(CREATE_INCOMING_PAYMENT, _BODY),
        ),
        ("check a grant request", lambda: validate_body(GRANT_REQUEST, _GRANT)),
        ("find the window of a monthly limit", lambda: interval.window_at(now)),
    ]
    print(f"{'work':40} CPU µs")
    for name, call in rows:
        print(f"{name:40} {_cpu_us(call):6.1f}")


if __name__ == "__main__":
    main()
