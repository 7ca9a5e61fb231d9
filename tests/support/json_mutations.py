"""Bodies near a valid one: members dropped, added or replaced, anywhere in the tree."""

import copy
import json
from typing import Any

from hypothesis import strategies as st
from ilpkit.openpayments.bodies import BodyKind, validate_body
from ilpkit.openpayments.errors import InvalidBody

_URL = "https://a.example/x"
_AMOUNT = {"value": "5", "assetCode": "EUR", "assetScale": 2}
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        256,
        2.0,
        1.5,
        "",
        "x",
        "1",
        "-1",
        "007",
        "18446744073709551616",
    ),
    *(_URL, "ftp://a.example/x", "https://a.example/incoming-payments/1", "2026-01-01T00:00:00Z"),
    *("2026-01-01", "ilp", "redirect", "uri", "quote", "incoming-payment", "outgoing-payment"),
    *("create", "read", "R/2026-01-01T00:00:00Z/P1M", [], [_URL], ["create", "create"]),
    *(["complete"], ["redirect"], {}, _AMOUNT, {"x": None}, {"walletAddress": _URL}),
]
NAMES = [
    *("walletAddress", "incomingAmount", "expiresAt", "metadata", "receiver", "method", "extra"),
    *("receiveAmount", "debitAmount", "quoteId", "incomingPayment", "value", "assetCode"),
    *("assetScale", "client", "access_token", "access", "subject", "interact", "limits", "type"),
    *("interval", "identifier", "actions", "finish", "jwk", "use", "sub_ids", "wallet_address"),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each member of the tree: its container, and its key or index there."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        found += [(value, key) for key in value]
        for inner in value.values():
            found += places(inner)
    elif isinstance(value, list):
        found += [(value, index) for index in range(len(value))]
        for inner in value:
            found += places(inner)
    return found


def containers(value: Any) -> list[Any]:
    """Each object and array of the tree."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return []
    return [value, *(found for item in inner for found in containers(item))]


@st.composite
def near(draw: st.DrawFn, bodies: list[Any]) -> Any:
    """One of the bodies after zero to three changes."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 3))):
        found = places(body)
        change = draw(st.sampled_from(["drop", "replace", "add", "repeat"]))
        if change in ("drop", "replace") and found:
            container, key = draw(st.sampled_from(found))
            if change == "drop":
                del container[key]
            else:
                container[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        else:
            container = draw(st.sampled_from(containers(body)))
            if isinstance(container, dict):
                name = draw(st.sampled_from(NAMES))
                container[name] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            elif change == "repeat" and container:
                container.append(copy.deepcopy(container[0]))
            else:
                container.append(copy.deepcopy(draw(st.sampled_from(VALUES))))
    return body


def refusal_of(kind: BodyKind[Any], body: Any) -> str | None:
    """The sentence that refuses the body, None if it is accepted."""
    try:
        validate_body(kind, json.dumps(body).encode())
    except InvalidBody as error:
        return str(error)
    return None
