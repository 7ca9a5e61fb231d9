"""Bodies of GNAP requests, read strictly.

GNAP lets a server ignore members that it does not know, and so do the shared shapes. Here they are
refused: the transcoder behind this guard drops them without a word, and its contract has members of
its own (`idempotencyKey`, `tenantId`) that no public request may set.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ilpkit.gnap.request import (
    CONTINUATION_REQUEST,
    GRANT_REQUEST,
    ContinuationRequest,
    GrantRequest,
)
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.json_text import json_object, printable

from services.auth.gnap.errors import InvalidRequest

T = TypeVar("T")

# The members of each object that the shared shapes leave open; "*" stands for each item of a list.
_MEMBERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "": frozenset({"client", "access_token", "subject", "interact"}),
        ".access_token": frozenset({"access"}),
        ".subject": frozenset({"sub_ids"}),
        ".subject.sub_ids*": frozenset({"id", "format"}),
        ".interact": frozenset({"start", "finish"}),
        ".interact.finish": frozenset({"method", "uri", "nonce", "hash_method"}),
    }
)
_CONTINUATION_MEMBERS: Final = MappingProxyType({"": frozenset({"interact_ref"})})
_NO_MEMBERS: Final = MappingProxyType({"": frozenset[str]()})


def parse_grant_request(raw: bytes) -> GrantRequest:
    """The body of a grant request. Raises InvalidRequest naming the field."""
    return _parse(GRANT_REQUEST, raw, _MEMBERS)


def parse_continuation(raw: bytes) -> ContinuationRequest:
    """The body of a continuation; an empty one polls. Raises InvalidRequest naming the field."""
    if not raw.strip():
        return ContinuationRequest()
    return _parse(CONTINUATION_REQUEST, raw, _CONTINUATION_MEMBERS)


def check_no_members(raw: bytes) -> None:
    """Return if a body is empty or an empty object. Raises InvalidRequest naming the field."""
    if not raw.strip():
        return
    try:
        members = json_object(raw)
    except InvalidBody as invalid:
        raise InvalidRequest(str(invalid), field=invalid.field) from None
    _refuse_unknown(members, _NO_MEMBERS)


def _parse(kind: BodyKind[T], raw: bytes, known: Mapping[str, frozenset[str]]) -> T:
    try:
        members = json_object(raw, exact_numbers=True)
        parsed = kind.parse(raw, unknown=None)
    except InvalidBody as invalid:
        raise InvalidRequest(str(invalid), field=invalid.field) from None
    _refuse_unknown(members, known)
    return parsed


def _refuse_unknown(value: Any, known: Mapping[str, frozenset[str]], path: str = "") -> None:
    if isinstance(value, list):
        for item in value:
            _refuse_unknown(item, known, f"{path}*")
    elif isinstance(value, dict) and path in known:
        for name, member in value.items():
            if name not in known[path]:
                field = f"{path}.{printable(name)}".lstrip(".").replace("*", "[]")
                raise InvalidRequest(
                    f"{field} is not a property of this body; remove it", field=field
                )
            _refuse_unknown(member, known, f"{path}.{name}")
