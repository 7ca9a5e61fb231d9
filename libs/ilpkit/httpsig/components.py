"""Derived components and the signature base (RFC 9421 sections 2.2 and 2.5).

The base ends with the signer's parameter text exactly as it came: some clients write it in ways
that no serialiser would give back, and they signed what they wrote.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from ilpkit.httpsig.errors import (
    DuplicateComponent,
    MissingComponent,
    UnsafeComponent,
    UnsupportedComponent,
)

Headers: TypeAlias = Mapping[str, str]
"""Lower-case names; a repeated header's values are joined with ", " (RFC 9110 section 5.3)."""

COMPONENTS_MAX = 32
"""More covered components than any known client has, by a factor of five."""

_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_UNSAFE = re.compile(r"[^\t\x20-\x7e]")
_URI = re.compile(
    r"""
    (?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#]*)
    (?P<path>[^?#]*)(?P<query>\?[^#]*)?
    """,
    re.VERBOSE,
)
_DEFAULT_PORTS: Mapping[str, str] = MappingProxyType({"http": ":80", "https": ":443"})
_TOKEN_LINE = re.compile(r'^("authorization": )(\S+ )?(.*)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Uri:
    scheme: str
    authority: str
    path: str
    query: str


def _authority(uri: _Uri) -> str:
    return uri.authority.lower().removesuffix(_DEFAULT_PORTS.get(uri.scheme, ""))


def _path(uri: _Uri) -> str:
    return uri.path or "/"


def _request_target(uri: _Uri) -> str:
    return _path(uri) + uri.query


def _query(uri: _Uri) -> str:
    return uri.query or "?"


def _scheme(uri: _Uri) -> str:
    return uri.scheme


_FROM_URI: Mapping[str, Callable[[_Uri], str]] = MappingProxyType(
    {
        "@authority": _authority,
        "@scheme": _scheme,
        "@request-target": _request_target,
        "@path": _path,
        "@query": _query,
    }
)


_OTHER_SCHEME: Mapping[str, str] = MappingProxyType({"http": "https", "https": "http"})


def fold_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Header lines as received, as `Headers`: names lower-cased, repeated ones joined with ", "."""
    folded: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        folded[key] = f"{folded[key]}, {value}" if key in folded else value
    return folded


def target_uri_candidates(target_uri: str, *, either_scheme: bool = False) -> tuple[str, ...]:
    """The request URI, and its twins where only an empty path against "/" differs.

    The request line always says "/", so the server cannot know whether the client signed the URL
    with or without it: Node and Go sign "https://host/", PHP signs "https://host" if so configured.
    `either_scheme` adds each one's twin with http for https or the reverse.
    """
    match = _URI.match(target_uri)
    if match is None:
        return (target_uri,)
    candidates = [target_uri]
    if match["path"] in ("", "/"):
        start, end = match.span("path")
        twin_path = "" if match["path"] else "/"
        candidates.append(target_uri[:start] + twin_path + target_uri[end:])
    if either_scheme and match["scheme"].lower() in _OTHER_SCHEME:
        other, end = _OTHER_SCHEME[match["scheme"].lower()], match.end("scheme")
        candidates += [other + candidate[end:] for candidate in candidates]
    return tuple(candidates)


def signature_base(
    *,
    components: Sequence[str],
    raw_parameters: str,
    method: str,
    target_uri: str,
    headers: Headers,
) -> str:
    """The text that is signed: one line a component, then @signature-params.

    Raises DuplicateComponent, MissingComponent, UnsafeComponent or UnsupportedComponent.
    """
    if len(set(components)) != len(components):
        raise DuplicateComponent(field="signature-input", expected="each component once")
    if len(components) > COMPONENTS_MAX:
        raise UnsupportedComponent(
            field="signature-input", expected=f"at most {COMPONENTS_MAX} components"
        )
    lines = [
        f'"{name}": {_value(name, method=method, target_uri=target_uri, headers=headers)}'
        for name in components
    ]
    lines.append(f'"@signature-params": {raw_parameters}')
    return "\n".join(lines)


def mask_token(base: str) -> str:
    """The base with the access token replaced by its length, for errors and logs."""
    return _TOKEN_LINE.sub(
        lambda line: f"{line[1]}{line[2] or ''}<{len(line[3])} characters masked>", base
    )


def _value(name: str, *, method: str, target_uri: str, headers: Headers) -> str:
    if name == "@method":
        value = method
    elif name == "@target-uri":
        value = target_uri
    elif name.startswith("@"):
        value = _derived_from_uri(name, target_uri)
    else:
        value = _header(name, headers)
    if _UNSAFE.search(value):
        raise UnsafeComponent(field=name, expected="printable ASCII on one line")
    return value


def _derived_from_uri(name: str, target_uri: str) -> str:
    derive = _FROM_URI.get(name)
    if derive is None:
        known = ", ".join(["@method", "@target-uri", *_FROM_URI])
        raise UnsupportedComponent(field=name, expected=f"one of {known} or a header name")
    match = _URI.match(target_uri)
    if match is None:
        raise UnsafeComponent(field=name, expected="an absolute request URI")
    return derive(
        _Uri(
            scheme=match["scheme"].lower(),
            authority=match["authority"],
            path=match["path"],
            query=match["query"] or "",
        )
    )


def _header(name: str, headers: Headers) -> str:
    if _FIELD_NAME.fullmatch(name) is None:
        raise UnsupportedComponent(field=name, expected="a header name in lower case")
    value = headers.get(name)
    if value is None:
        raise MissingComponent(field=name, expected="this header, as it is covered")
    return value.strip(" \t")
