"""Verification of a peer's HTTP message signature (RFC 9421 section 3.2, RFC 9635 section 7.3.1).

First `parse_signatures` reads the headers, so that the caller can look up the keys named there;
then `verify_request` decides about one signature. Three dialects are read: the standard one, PHP's
signature without colons, and Rust's unquoted components with a bare signature. What is demanded,
and why, stands row by row in `docs/SIGNATURES.md`.
"""

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ilpkit.httpsig.components import (
    Headers,
    fold_headers,
    mask_token,
    signature_base,
    target_uri_candidates,
)
from ilpkit.httpsig.content_digest import FIELD as CONTENT_DIGEST
from ilpkit.httpsig.content_digest import verify_content_digest
from ilpkit.httpsig.errors import (
    AmbiguousSignature,
    CreatedInFuture,
    InvalidSignatureInput,
    InvalidSignatureValue,
    InvalidStructuredField,
    KeyIdMismatch,
    MissingCreated,
    MissingSignature,
    SignatureExpired,
    SignatureMismatch,
    SignatureRefused,
    SignatureTooOld,
    UncoveredComponent,
    UnsupportedAlgorithm,
)
from ilpkit.httpsig.keys import SIGNATURE_BYTES, PublicKey
from ilpkit.httpsig.structured_fields import (
    InnerList,
    Item,
    Member,
    Parameters,
    parse_members,
    parse_parameters,
)

CREATED_AGE_MAX_S = 300
CREATED_SKEW_MAX_S = 60
ALGORITHM = "ed25519"
SIGNATURES_MAX = 8
"""On one request: the client's, and those of gateways on its way."""

_INPUT = "signature-input"
_VALUE = "signature"
_UNQUOTED_INPUT = re.compile(
    r"""
    (?P<label>[a-z*][a-z0-9_.*\-]*)=
    (?P<raw>\((?P<names>@?[a-z][a-z0-9\-]*(?:[ ]@?[a-z][a-z0-9\-]*)*)\)(?P<parameters>;.*))
    """,
    re.VERBOSE,
)
_UNCOLONED_VALUE = re.compile(
    r"(?:(?P<label>[a-z*][a-z0-9_.*\-]*)=)?(?P<base64>[A-Za-z0-9+/]{86}==)"
)


class Dialect(Enum):
    """How the signature headers were written."""

    STANDARD = "structured fields, RFC 9421"
    UNCOLONED = "label=base64, without colons"
    BARE = "base64 alone, without label"


@dataclass(frozen=True, slots=True)
class ParsedSignature:
    """One signature and its metadata, read but not yet believed. Times are Unix seconds."""

    label: str
    key_id: str
    components: tuple[str, ...]
    raw_parameters: str
    signature: bytes
    created: int | None
    expires: int | None
    nonce: str | None
    dialect: Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationPolicy:
    """The two limits an operator may move, in seconds."""

    created_age_max_s: int = CREATED_AGE_MAX_S
    created_skew_max_s: int = CREATED_SKEW_MAX_S


DEFAULT_POLICY = VerificationPolicy()


@dataclass(frozen=True, slots=True)
class _Input:
    label: str
    components: tuple[str, ...]
    parameters: Parameters
    raw: str


def parse_signatures(headers: Headers) -> tuple[ParsedSignature, ...]:
    """Read the Signature-Input and Signature headers: all signatures that could be a client's.

    One that is not (other algorithm or form, no key named) may be a gateway's and is passed over;
    if none is left, the first one's error is raised: InvalidSignatureInput, InvalidSignatureValue
    or UnsupportedAlgorithm. Raises MissingSignature, AmbiguousSignature or InvalidStructuredField
    for the headers as a whole.
    """
    inputs = _read_inputs(_required(headers, _INPUT))
    value = _required(headers, _VALUE)
    usable: list[ParsedSignature] = []
    refusals: list[SignatureRefused] = []
    for member in inputs:
        try:
            usable.append(_parse(member, value))
        except (InvalidSignatureInput, InvalidSignatureValue, UnsupportedAlgorithm) as refused:
            refusals.append(refused)
    if not usable:
        raise refusals[0]
    return tuple(usable)


def _parse(member: Member | _Input, value: str) -> ParsedSignature:
    chosen = _input_of(member) if isinstance(member, Member) else member
    signature, dialect = _read_value(value, chosen.label)
    parameters = chosen.parameters
    key_id = _text_parameter(parameters, "keyid")
    if not key_id:
        raise InvalidSignatureInput(field="keyid", expected="the kid of the signing key")
    if _text_parameter(parameters, "alg") not in (None, ALGORITHM):
        raise UnsupportedAlgorithm(field="alg", expected=f'"{ALGORITHM}" or nothing')
    return ParsedSignature(
        label=chosen.label,
        key_id=key_id,
        components=chosen.components,
        raw_parameters=chosen.raw,
        signature=signature,
        created=_time_parameter(parameters, "created"),
        expires=_time_parameter(parameters, "expires"),
        nonce=_text_parameter(parameters, "nonce"),
        dialect=dialect,
    )


def verify_request(
    *,
    method: str,
    target_uri: str,
    headers: Headers,
    body: bytes | None,
    parsed: ParsedSignature,
    public_key: PublicKey,
    now: int,
    policy: VerificationPolicy = DEFAULT_POLICY,
    either_scheme: bool = False,
) -> None:
    """Return if the request is what the key's holder signed, raise a SignatureRefused if not.

    `target_uri` is the URL as the client saw it, query and percent-encoding untouched; `body` is
    the raw bytes; `now` is in Unix seconds; with `either_scheme` the client may have signed the URL
    with http for https or the reverse. The error's `signature_base` is the text built here,
    with the access token masked; it is None where a covered component kept it from being built.
    """
    received = fold_headers(headers.items())
    bases = [
        signature_base(
            components=parsed.components,
            raw_parameters=parsed.raw_parameters,
            method=method,
            target_uri=candidate,
            headers=received,
        )
        for candidate in target_uri_candidates(target_uri, either_scheme=either_scheme)
    ]
    try:
        _check_coverage(parsed, headers=received, has_body=bool(body))
        _check_times(parsed, now=now, policy=policy)
        _check_key(parsed, public_key=public_key, bases=bases)
        if CONTENT_DIGEST in received:
            verify_content_digest(received[CONTENT_DIGEST], body or b"")
    except SignatureRefused as refusal:
        refusal.signature_base = mask_token(bases[0])
        raise


def _check_coverage(parsed: ParsedSignature, *, headers: Headers, has_body: bool) -> None:
    required = ["@method", "@target-uri"]
    required += ["authorization"] if "authorization" in headers else []
    required += [CONTENT_DIGEST] if has_body else []
    for component in required:
        if component not in parsed.components:
            raise UncoveredComponent(
                field=_INPUT, expected=f'"{component}" among the covered components'
            )


def _check_times(parsed: ParsedSignature, *, now: int, policy: VerificationPolicy) -> None:
    created = parsed.created
    if created is None:
        raise MissingCreated(field="created", expected="the Unix time of signing in seconds")
    if created > now + policy.created_skew_max_s:
        raise CreatedInFuture(
            field="created",
            expected=f"at most {now + policy.created_skew_max_s}, not {created}; check the clock",
        )
    if created < now - policy.created_age_max_s:
        raise SignatureTooOld(
            field="created",
            expected=f"at least {now - policy.created_age_max_s}, not {created}; sign each request",
        )
    if parsed.expires is not None and parsed.expires <= now:
        raise SignatureExpired(field="expires", expected=f"later than {now}, not {parsed.expires}")


def _check_key(parsed: ParsedSignature, *, public_key: PublicKey, bases: list[str]) -> None:
    if parsed.key_id != public_key.kid:
        raise KeyIdMismatch(field="keyid", expected=f'"{public_key.kid}", not "{parsed.key_id}"')
    for base in bases:
        if public_key.verifies(signature=parsed.signature, message=base.encode()):
            return
    raise SignatureMismatch(
        field=_VALUE, expected=f'the Ed25519 signature of key "{public_key.kid}" over the base'
    )


def _required(headers: Headers, name: str) -> str:
    value = headers.get(name, "").strip(" \t")
    if not value:
        raise MissingSignature(field=name, expected="this header, as the request must be signed")
    return value


def _read_inputs(text: str) -> Sequence[Member | _Input]:
    try:
        members = parse_members(text, field=_INPUT)
    except InvalidStructuredField:
        unquoted = _read_unquoted_input(text)
        if unquoted is None:
            raise
        return (unquoted,)
    labels = {member.key for member in members}
    if len(labels) != len(members):
        raise AmbiguousSignature(field=_INPUT, expected="each label once")
    if len(members) > SIGNATURES_MAX:
        raise AmbiguousSignature(field=_INPUT, expected=f"at most {SIGNATURES_MAX} signatures")
    return members


def _input_of(member: Member) -> _Input:
    if not isinstance(member.value, InnerList):
        raise InvalidSignatureInput(field=_INPUT, expected="a list of components in parentheses")
    names = tuple(_component_name(item) for item in member.value.items)
    return _Input(
        label=member.key,
        components=names,
        parameters=member.value.parameters,
        raw=member.raw,
    )


def _component_name(item: Item) -> str:
    if not isinstance(item.value, str) or item.parameters:
        raise InvalidSignatureInput(
            field=_INPUT, expected="component names in double quotes, without parameters"
        )
    return item.value


def _read_unquoted_input(text: str) -> _Input | None:
    """The Rust client's form: `sig1=(@method @target-uri);created=1;keyid="k"`."""
    match = _UNQUOTED_INPUT.fullmatch(text)
    if match is None:
        return None
    return _Input(
        label=match["label"],
        components=tuple(match["names"].split(" ")),
        parameters=parse_parameters(match["parameters"], field=_INPUT),
        raw=match["raw"],
    )


def _read_value(text: str, label: str) -> tuple[bytes, Dialect]:
    """The signature bytes under `label`, and how they were written."""
    loose = _UNCOLONED_VALUE.fullmatch(text)
    if loose is not None:
        if loose["label"] not in (None, label):
            raise InvalidSignatureValue(field=_VALUE, expected=f'a member labelled "{label}"')
        dialect = Dialect.UNCOLONED if loose["label"] else Dialect.BARE
        return b64decode(loose["base64"]), dialect
    named = [member for member in parse_members(text, field=_VALUE) if member.key == label]
    if len(named) != 1:
        raise InvalidSignatureValue(field=_VALUE, expected=f'one member labelled "{label}"')
    value = named[0].value
    if (
        not isinstance(value, Item)
        or not isinstance(value.value, bytes)
        or len(value.value) != SIGNATURE_BYTES
    ):
        raise InvalidSignatureValue(
            field=_VALUE, expected=f"{SIGNATURE_BYTES} bytes as base64 between colons"
        )
    return value.value, Dialect.STANDARD


def _text_parameter(parameters: Parameters, name: str) -> str | None:
    value = parameters.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidSignatureInput(field=name, expected="a text in double quotes")


def _time_parameter(parameters: Parameters, name: str) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidSignatureInput(field=name, expected="a whole number of Unix seconds")
    return value
