"""The Open Payments OpenAPI files as judges: a JSON Schema verdict on any body of any operation."""

import re
from functools import cache
from typing import Any

import yaml
from ilpkit.money import U64_MAX
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support.vectors import vectors_path

_LATER = ("approvedAt", "cancelledAt")
"""Of incoming payments' events, and not in their OpenAPI file yet."""
_FORMATS = FormatChecker(formats=())
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!#-;=?-\[\]_a-z~%]+")
_DATE_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.IGNORECASE,
)


@_FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@_FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or _DATE_TIME.fullmatch(value) is not None


@_FORMATS.checks("uint64")
def _is_uint64(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"[0-9]{1,40}", value) is not None and int(value) <= U64_MAX


@cache
def document(version: str, name: str) -> dict[str, Any]:
    """One OpenAPI file, e.g. `document("1.3.0", "resource-server")`."""
    loaded: dict[str, Any] = yaml.safe_load(
        vectors_path("openapi", version, f"{name}.yaml").read_text()
    )
    _close_references(loaded, loaded)
    return loaded


def _close_references(node: object, root: dict[str, Any]) -> None:
    """Give `additionalProperties` beside a `$ref` the meaning its authors had in mind.

    By JSON Schema 2020-12 it sees no properties at all there and refuses every object; the tools
    of the API's own clients replace the reference by its target first.
    """
    if isinstance(node, dict):
        if "$ref" in node and "additionalProperties" in node:
            target = root["components"]["schemas"][node.pop("$ref").rpartition("/")[2]]
            node.update({**target, **node})
        for value in node.values():
            _close_references(value, root)
    elif isinstance(node, list):
        for value in node:
            _close_references(value, root)


@cache
def _judge(version: str, name: str, pointer: tuple[str, ...]) -> Draft202012Validator:
    registry: Any = Registry().with_resource(
        "urn:api", DRAFT202012.create_resource(document(version, name))
    )
    escaped = "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)
    return Draft202012Validator(
        {"$ref": f"urn:api#/{escaped}"}, registry=registry, format_checker=_FORMATS
    )


def schema_judge(version: str, name: str, schema: str) -> Draft202012Validator:
    """The validator of one named schema."""
    return _judge(version, name, ("components", "schemas", schema))


def request_judge(version: str, name: str, path: str, method: str) -> Draft202012Validator:
    """The validator of an operation's JSON request body."""
    pointer = ("paths", path, method, "requestBody", "content", "application/json", "schema")
    return _judge(version, name, pointer)


def response_judge(
    version: str, name: str, path: str, method: str, status: str
) -> Draft202012Validator:
    """The validator of an operation's JSON response body."""
    pointer = ("paths", path, method, "responses", status, "content", "application/json", "schema")
    return _judge(version, name, pointer)


@cache
def webhook_judge(event_type: str) -> Draft202012Validator:
    """The validator of an event that the TypeScript Rafiki's webhooks.yaml knows.

    Where that file differs from what is really sent, what is sent counts: `client` may be null, and
    an outgoing payment has no `expiresAt`.
    """
    named = document("rafiki", "webhooks")["components"]["schemas"].items()
    (name,) = (
        name
        for name, schema in named
        if event_type in schema.get("properties", {}).get("type", {}).get("enum", ())
    )
    data = document("rafiki", "webhooks")["components"]["schemas"][name]["properties"]["data"]
    if "client" in data["properties"]:
        data["properties"]["client"]["type"] = ["string", "null"]
        data["required"] = sorted({*data["required"], "client"})
    if name == "outgoingPaymentEvent":
        data["required"] = sorted({*data["required"]} - {"expiresAt"})
        data["properties"]["receiveAmount"] = data["properties"]["debitAmount"]
    data["properties"].update({name: {"type": "string", "format": "date-time"} for name in _LATER})
    data["additionalProperties"] = False
    return schema_judge("rafiki", "webhooks", name)


def examples(version: str, name: str) -> list[Any]:
    """Every `examples[].value` of request and response bodies, with its place in the file."""
    found: list[Any] = []

    def walk(node: object, place: tuple[str, ...]) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "examples" and isinstance(value, dict):
                    found.extend(
                        (place, case["value"]) for case in value.values() if "value" in case
                    )
                walk(value, (*place, str(key)))
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, (*place, str(index)))

    walk(document(version, name)["paths"], ())
    return found
