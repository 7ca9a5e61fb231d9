"""The tokens that an authorization server under test is asked about, as its operator lists them.

A JSON file has an array of `{"token", "active", "grant", "tenant_id", "client", "access"}`, where
`client` is `{"walletAddress": url}` or `{"jwk": key}` and `access` has items as in grant requests.
A token that is not active has `active` false and needs nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict
from rafiki.introspection.v1 import introspection_service_pb2 as pb


@dataclass(frozen=True, kw_only=True)
class KnownToken:
    """One token, and what must be answered of it."""

    token: str
    active: bool = True
    grant: str | None = None
    tenant_id: str | None = None
    client: Mapping[str, Any] = field(default_factory=dict)
    access: tuple[Mapping[str, Any], ...] = ()

    @property
    def items(self) -> list[pb.Access]:
        return [ParseDict(dict(item), pb.Access()) for item in self.access]

    def __str__(self) -> str:
        kinds = "+".join(str(item["type"]) for item in self.access)
        return kinds or "inactive"


def read_tokens(path: Path) -> list[KnownToken]:
    """The tokens of a file."""
    return [
        KnownToken(**{**entry, "access": tuple(entry.get("access", ()))})
        for entry in json.loads(path.read_text())
    ]
