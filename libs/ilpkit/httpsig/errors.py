"""Why a signature, a digest or a key was refused: one class a reason.

`reason` is the machine name, `field` the header, component or key member at fault, `expected` what
would have been right. `signature_base`, where there is one, is the text this side built, so that
the author of a client can compare it with theirs; the token in it is masked.
"""
# ruff: noqa: N818 - the names say what is wrong; "Error" after each would say nothing more

from typing import ClassVar, final

from ilpkit.errors import LocalProtocolError, RemoteProtocolError


class SignatureRefused(RemoteProtocolError):
    """The sender's request cannot be trusted; the root of every refusal in this package."""

    reason: ClassVar[str] = "signature_refused"

    def __init__(self, *, field: str, expected: str) -> None:
        super().__init__(f"{self.reason}: {field}: expected {expected}")
        self.field: str = field
        self.expected: str = expected
        self.signature_base: str | None = None


@final
class InvalidStructuredField(SignatureRefused):
    """A field that is not the structured field it should be (RFC 8941)."""

    reason = "invalid_structured_field"


@final
class MissingSignature(SignatureRefused):
    """No Signature or no Signature-Input header, or an empty one."""

    reason = "missing_signature"


@final
class AmbiguousSignature(SignatureRefused):
    """Several signatures, none labelled sig1; or one label twice."""

    reason = "ambiguous_signature"


@final
class InvalidSignatureInput(SignatureRefused):
    """A Signature-Input member that is not a list of components with usable parameters."""

    reason = "invalid_signature_input"


@final
class InvalidSignatureValue(SignatureRefused):
    """A Signature member that is not 64 bytes of base64."""

    reason = "invalid_signature_value"


@final
class UnsupportedAlgorithm(SignatureRefused):
    """An `alg` other than ed25519."""

    reason = "unsupported_algorithm"


@final
class UnsupportedComponent(SignatureRefused):
    """A covered component this side cannot derive."""

    reason = "unsupported_component"


@final
class DuplicateComponent(SignatureRefused):
    """A component covered twice (RFC 9421 section 2 forbids it)."""

    reason = "duplicate_component"


@final
class MissingComponent(SignatureRefused):
    """A covered header that the request does not have."""

    reason = "missing_component"


@final
class UnsafeComponent(SignatureRefused):
    """A component value that could forge lines of the signature base."""

    reason = "unsafe_component"


@final
class UncoveredComponent(SignatureRefused):
    """Something the signature must cover and does not."""

    reason = "uncovered_component"


@final
class MissingCreated(SignatureRefused):
    """No `created` parameter, so the age of the signature is unknown."""

    reason = "missing_created"


@final
class CreatedInFuture(SignatureRefused):
    """`created` lies beyond the tolerated clock difference."""

    reason = "created_in_future"


@final
class SignatureTooOld(SignatureRefused):
    """`created` lies further back than the policy allows."""

    reason = "signature_too_old"


@final
class SignatureExpired(SignatureRefused):
    """The signer's own `expires` has passed."""

    reason = "signature_expired"


@final
class KeyIdMismatch(SignatureRefused):
    """`keyid` names another key than the one to verify with."""

    reason = "key_id_mismatch"


@final
class SignatureMismatch(SignatureRefused):
    """The signature is not the key's signature over the base this side built."""

    reason = "signature_mismatch"


@final
class UnsupportedDigest(SignatureRefused):
    """Content-Digest holds neither sha-512 nor sha-256."""

    reason = "unsupported_digest"


@final
class DigestMismatch(SignatureRefused):
    """Content-Digest is not the digest of the body as received."""

    reason = "digest_mismatch"


@final
class InvalidKey(SignatureRefused):
    """A JWK that is not an Ed25519 key in the form Open Payments asks for."""

    reason = "invalid_key"


@final
class KeyNotFound(SignatureRefused):
    """No usable key with the wanted `kid`."""

    reason = "key_not_found"


class UnsignableRequest(LocalProtocolError):
    """Our own request cannot be signed as asked: a key id or header value outside ASCII."""


class InvalidPrivateKey(LocalProtocolError):
    """Our own private key is unusable. The message never holds key material."""
