"""What the contracts say of the public edge: which path reaches which method, and what it asks.

`google.api.http` gives verb and path of a method, `rafiki.common.v1.edge` who must be proven to ask
for it and which access that needs. Envoy's routes, the guards and the reserved path segments are
made from these operations, so that no other table can say something else.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from rafiki.common.v1 import edge_pb2

_VERBS: Final = ("get", "post", "delete", "put", "patch")
_VARIABLE: Final = re.compile(r"\{(?P<name>\w+)(?:=\*\*)?\}")
_SPLIT: Final = re.compile(r"(\{[^}]*\})")


class Proof(StrEnum):
    """How a request proves who asks; the names of rafiki.common.v1.Proof."""

    NOBODY = "PROOF_NOBODY"
    TOKEN = "PROOF_TOKEN"  # noqa: S105 - the name of a kind of proof
    CLIENT = "PROOF_CLIENT"
    CONTINUATION = "PROOF_CONTINUATION"
    MANAGEMENT = "PROOF_MANAGEMENT"


class IdentifierFrom(StrEnum):
    """Where a request names the wallet address; the names of rafiki.common.v1.Identifier."""

    NOWHERE = "IDENTIFIER_UNSPECIFIED"
    BODY = "IDENTIFIER_BODY"
    QUERY = "IDENTIFIER_QUERY"
    RESOURCE = "IDENTIFIER_RESOURCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Access that a token must give."""

    type: str
    action: str
    identifier_from: IdentifierFrom


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of a contract at one verb and path."""

    service: str
    """Full name of the gRPC service."""
    method: str
    verb: str
    template: str
    """As the contract has it: `/{tenant_id}/quotes/{id}`."""
    proof: Proof | None
    """None: it is not on the public listener."""
    access: Access | None
    once: bool
    """Whether the same signed request passes once only."""
    query: tuple[str, ...]
    """Names of the query parameters that it reads."""

    @property
    def fixed_segments(self) -> tuple[str, ...]:
        """The segments of the path that are no variables."""
        return tuple(s for s in self.template.split("/") if s and not _VARIABLE.fullmatch(s))

    @property
    def begins_fixed(self) -> bool:
        """Whether the first segment is no variable."""
        return _VARIABLE.match(self.template.removeprefix("/")) is None

    def expression(self, variable: Callable[[str], str]) -> str:
        """The path as a regular expression, with what `variable` gives for each variable's name."""
        parts = []
        for part in _SPLIT.split(self.template):
            found = _VARIABLE.fullmatch(part)
            parts.append(
                re.escape(part).replace("\\-", "-") if found is None else variable(found["name"])
            )
        return "".join(parts)


def operations(*services: ServiceDescriptor) -> list[Operation]:
    """Every REST operation of some services, in the contracts' order."""
    return [
        operation
        for service in services
        for method in service.methods
        for operation in _of_method(service, method)
    ]


class OperationTable:
    """Finds the operation that a request is about."""

    def __init__(self, found: Iterable[Operation]) -> None:
        self._rows: Final = [
            (operation, re.compile(operation.expression(_named_segment) + "/?"))
            for operation in found
        ]

    def match(self, verb: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation and the path's variables; None when there is none."""
        for operation, pattern in self._rows:
            if operation.verb == verb and (found := pattern.fullmatch(path)) is not None:
                return operation, found.groupdict()
        return None


def _named_segment(name: str) -> str:
    return f"(?P<{name}>[^/]+)"


def _of_method(service: ServiceDescriptor, method: MethodDescriptor) -> list[Operation]:
    options = method.GetOptions()
    rule = options.Extensions[annotations_pb2.http]
    edge = options.Extensions[edge_pb2.edge]
    found = []
    for binding in (rule, *rule.additional_bindings):
        verb = next((verb for verb in _VERBS if getattr(binding, verb)), None)
        if verb is None:
            continue
        template = getattr(binding, verb)
        found.append(
            Operation(
                service=service.full_name,
                method=method.name,
                verb=verb.upper(),
                template=template,
                proof=None if edge.proof == 0 else Proof(edge_pb2.Proof.Name(edge.proof)),
                access=_access(edge.access) if edge.HasField("access") else None,
                once=edge.once,
                query=_query(method, template) if verb == "get" else (),
            )
        )
    return found


def _access(access: edge_pb2.Access) -> Access:
    identifier_from = IdentifierFrom(edge_pb2.Identifier.Name(access.identifier))
    return Access(type=access.type, action=access.action, identifier_from=identifier_from)


def _query(method: MethodDescriptor, template: str) -> tuple[str, ...]:
    in_path = {found["name"] for found in _VARIABLE.finditer(template)}
    return tuple(field.json_name for field in method.input_type.fields if field.name not in in_path)
