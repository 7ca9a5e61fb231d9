"""The public edge asked as its OpenAPI files say, and as they don't, by schemathesis.

Each case is sent as it was made, and again signed by a client with a live token and with a wallet
address of the node, since few others get past the guard. FUZZ_CASES asks for more of them.
"""

import asyncio
import json
import os
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as drawn
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core import NotSet
from schemathesis.core.result import Err

from tests.integration.backend.admin.conftest import OPERATOR
from tests.integration.rest.asking import CONCURRENT, Node, Told, token_of
from tests.support.vectors import vectors_path

Case = schemathesis.Case[Any]
CASES: Final = int(os.environ.get("FUZZ_CASES", "3"))
FILES: Final = {
    "1.3.0/resource-server.yaml": f"/{OPERATOR}",
    "1.3.0/wallet-address-server.yaml": "/alice",
    "1.3.2/auth-server.yaml": "",
}
"""Which file describes what lies below which path; a grant is asked for at the tenant's own."""
KINDS: Final = {
    "/incoming-payments": "incoming-payment",
    "/outgoing-payments": "outgoing-payment",
    "/outgoing-payment-grant": "outgoing-payment",
    "/quotes": "quote",
}


def cases_of(file: str) -> list[Case]:
    """What schemathesis makes of each operation: half as described, half not."""
    found: list[Case] = []
    schema = schemathesis.openapi.from_path(str(vectors_path("openapi", file)))
    for result in schema.get_all_operations():
        assert not isinstance(result, Err), result
        operation = result.ok()
        for mode in GenerationMode:

            @drawn(
                max_examples=CASES,
                database=None,
                derandomize=True,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def draw(case: Case) -> None:
                found.append(case)

            with suppress(Unsatisfiable):  # nothing of it can be otherwise than described
                draw()
    return found


def target_of(case: Case, below: str) -> str:
    path = below + case.formatted_path if case.formatted_path != "/" else below or f"/{OPERATOR}"
    query = urlencode(dict(case.query or {}), doseq=True, errors="replace")
    return f"{path}?{query}" if query else path


def body_of(case: Case, node: Node, *, of_node: bool) -> bytes | None:
    if case.media_type is None or isinstance(case.body, NotSet):
        return None
    body: Any = case.body
    if of_node and isinstance(body, dict) and "walletAddress" in body:
        body = {**body, "walletAddress": node.address}
    if of_node and isinstance(body, dict) and "client" in body:
        body = {**body, "client": node.client.url}
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def headers_of(case: Case) -> list[bytes]:
    lines = [
        f"{name}: {value}".encode("latin-1", "replace")
        for name, value in dict(case.headers or {}).items()
    ]
    return [line for line in lines if b"\r" not in line and b"\n" not in line]


@pytest.mark.parametrize("file", FILES)
async def test_no_request_by_the_contract_or_against_it_meets_a_bug(node: Node, file: str) -> None:
    cases, told, room = cases_of(file), Told(), asyncio.Semaphore(CONCURRENT)
    tokens = {kind: await token_of(node, kind) for kind in ("incoming-payment", "quote")}

    async def ask(case: Case) -> None:
        target, method = target_of(case, FILES[file]), case.method.upper()
        plain, own = body_of(case, node, of_node=False), body_of(case, node, of_node=True)
        kind = KINDS.get("/" + case.path.split("/")[1], "incoming-payment")
        token = None if case.path == "/" else tokens.get(kind, tokens["quote"])
        headers = headers_of(case)
        if plain is not None:
            headers.append(b"content-type: application/json")
        async with room:
            as_made = await node.send(method, target.encode(), headers, plain or b"")
            signed = await node.signed(method, target, own, token)
        told.take(f"{method} {target} {headers!r} {plain!r}", *as_made)
        told.take(f"signed {method} {target} {own!r}", *signed)

    await asyncio.gather(*(ask(case) for case in cases))
    told.show(f"requests made from {file}")
    assert told.bugs == []
