"""Random requests to the public edge of a running node: answered or refused, never a bug.

Envoy, backend and auth are real. Each run draws the same requests; FUZZ_REQUESTS asks for more of
them and FUZZ_SEED for others.
"""

import asyncio
import json
import os
from copy import deepcopy
from random import Random  # noqa: TID251 - seeded: each run draws the same requests
from typing import Any, Final

from tests.integration.backend.admin.conftest import (
    OPERATOR,
)
from tests.integration.rest.asking import CONCURRENT, SEED, Node, Told, token_of
from tests.support.json_mutations import NAMES, VALUES, containers, places

REQUESTS: Final = int(os.environ.get("FUZZ_REQUESTS", "200"))
METHODS: Final = ["GET", "GET", "GET", "HEAD", "POST", "POST", "DELETE", "PUT", "OPTIONS", "ODD"]
SEGMENTS: Final[list[bytes]] = [
    *(b"", b"alice", b"%00", b"%ff", b"%c3%a9", b"%ED%A0%80", b"\xc3\xa9", b"\xff", b"%", b"%zz"),
    *(b".", b"..", b"%2e%2e", b"%2F", b"a" * 5_000, b"{id}", b"*", b"a;b=c", b"jwks.json", b"ilp"),
    *(b"quotes", b"incoming-payments", b"outgoing-payments", b"outgoing-payment-grant"),
    *(b"complete", b"continue", b"token", b"interact", b"grant", b"finish", b"discovery"),
    *(str(OPERATOR).encode(), b"00000000-0000-0000-0000-000000000000", b"not-a-uuid"),
]
QUERIES: Final[list[bytes]] = [
    *(b"", b"", b"", b"?", b"?wallet-address=", b"?wallet-address=http://[::1", b"?first=0"),
    *(b"?wallet-address=%00", b"?wallet-address=%ff&first=1", b"?cursor=%ed%a0%80&last=2", b"?%00"),
    *(b"?first=99999999999999999999", b"?tenant_id=x", b"?a=b&a=b", b"?" + b"x" * 5_000, b"?=&&=%"),
]
HEADERS: Final[list[bytes]] = [
    *(b"authorization: GNAP", b"authorization: GNAP \xff\xfe", b"authorization: Bearer x"),
    *(b"authorization: GNAP " + b"t" * 5_000, b"signature: sig1=:AA==:", b"signature: %%%"),
    *(
        b"signature-input: sig1=();created=1",
        b"signature-input: \xff",
        b"content-digest: sha-512=:x:",
    ),
    *(
        b"idempotency-key: " + b"k" * 5_000,
        b"idempotency-key: \xc3\xa9",
        b"grpc-timeout: x",
        b"te: x",
    ),
    *(b"x-!#$%&'*+-.^_`|~: odd", b"a" * 5_000 + b": x", b"x-empty:", b"accept: text/html"),
    *(b"accept: application/spsp4+json", b"content-type: application/grpc", b"content-type: x/y"),
    *(b"content-type: application/octet-stream", b"expect: 100-continue", b"cookie: a=\xff"),
]
BODIES: Final[list[bytes]] = [
    *(b"", b"{}", b"[]", b"null", b"\x00", b"\xff\xfe", b'{"a":"\\ud800"}', b'{"a":"\\u0000"}'),
    *(b'{"a":1e999}', b"{" * 2_000, b'{"a":1,"a":2}', b'"' + b"x" * 9_000 + b'"'),
]
TEXTS: Final[list[Any]] = [
    *("\0", "a\0b", "\ud800", "a" * 5_000, "http://[::1", "http://\uff11/", "https://a:b@c/"),
    *(2**64, -1, 1e300, 2**53 + 1, "9" * 40, "R/0000-01-01T00:00:00Z/P1M", "\U0001f600"),
]


def changed(random: Random, body: Any) -> bytes:
    """The body after one to three changes, with what no client should send."""
    body = deepcopy(body)
    for _ in range(random.randint(1, 3)):
        value = deepcopy(random.choice([*VALUES, *TEXTS, *TEXTS]))
        found = places(body)
        if found and random.random() < 0.7:
            container, key = random.choice(found)
            container[key] = value
        else:
            container = random.choice(containers(body))
            if isinstance(container, dict):
                container[random.choice(NAMES)] = value
            else:
                container.append(value)
    return json.dumps(body).encode()


async def test_no_request_line_header_or_body_meets_a_bug(node: Node) -> None:
    random = Random(SEED)  # noqa: S311 - for test data
    told, room = Told(), asyncio.Semaphore(CONCURRENT)

    async def ask(method: str, target: bytes, headers: list[bytes], body: bytes) -> None:
        async with room:
            status, answer = await node.send(method, target, headers, body)
        told.take(f"{method} {target!r} {headers!r} {body!r}", status, answer)

    asks = []
    for _ in range(REQUESTS):
        target = b"/" + b"/".join(random.choices(SEGMENTS, k=random.randint(1, 4)))
        headers = random.sample(HEADERS, k=random.randint(0, 3))
        method, body = random.choice(METHODS), b""
        if method not in ("GET", "HEAD"):
            body = random.choice(BODIES)
            headers.append(b"content-type: application/json")
        asks.append(ask(method, target + random.choice(QUERIES), headers, body))
    await asyncio.gather(*asks)
    told.show("requests that nobody signed")
    assert told.bugs == []
    assert (await node.send("GET", b"/alice", [], b""))[0] == 200


async def test_no_signed_body_meets_a_bug(node: Node) -> None:
    random = Random(SEED)  # noqa: S311 - for test data
    told, room = Told(), asyncio.Semaphore(CONCURRENT)
    amount = {"value": "5", "assetCode": "USD", "assetScale": 2}
    incoming, quote = await token_of(node, "incoming-payment"), await token_of(node, "quote")
    payment = {
        "walletAddress": node.address,
        "incomingAmount": amount,
        "metadata": {"a": {"b": 1}},
    }
    path = f"/{OPERATOR}/incoming-payments"
    status, answer = await node.signed("POST", path, json.dumps(payment).encode(), incoming)
    assert status == 201, answer
    receiver = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    access = {
        "type": "outgoing-payment",
        "actions": ["create", "read"],
        "identifier": node.address,
        "limits": {"debitAmount": amount, "interval": "R/2026-01-01T00:00:00Z/P1M"},
    }
    finish = {"method": "redirect", "uri": "http://client.test/done", "nonce": "n"}
    kinds: list[tuple[str, Any, str | None]] = [
        (path, payment, incoming),
        (
            f"/{OPERATOR}/quotes",
            {"walletAddress": node.address, "receiver": receiver, "method": "ilp"},
            quote,
        ),
        (
            f"/{OPERATOR}",
            {
                "access_token": {"access": [access]},
                "client": node.client.url,
                "interact": {"start": ["redirect"], "finish": finish},
            },
            None,
        ),
        ("/continue/x", {"interact_ref": "x"}, incoming),
    ]

    async def ask(path: str, body: bytes, token: str | None) -> None:
        async with room:
            status, answer = await node.signed("POST", path, body, token)
        told.take(f"{path} {body!r}", status, answer)

    asks = []
    for _ in range(REQUESTS):
        path, body, token = random.choice(kinds)
        asks.append(ask(path, changed(random, body), token))
    await asyncio.gather(*asks)
    told.show("signed bodies")
    assert told.bugs == []
    assert told.counts[200] + told.counts[201] > 0
