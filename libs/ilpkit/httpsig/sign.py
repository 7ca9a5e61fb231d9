"""Signing of our own requests, byte for byte as the Open Payments TypeScript client does.

RFC 9421, RFC 9635 section 7.3.1: @method, @target-uri, authorization if sent, then content-digest,
content-length and content-type if there is a body.
"""

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ilpkit.httpsig.components import Headers, fold_headers, signature_base
from ilpkit.httpsig.content_digest import make_content_digest
from ilpkit.httpsig.errors import SignatureRefused, UnsignableRequest
from ilpkit.httpsig.structured_fields import serialise_string

LABEL = "sig1"
DEFAULT_CONTENT_TYPE = "application/json"


def sign_request(
    *,
    method: str,
    target_uri: str,
    headers: Headers,
    body: bytes | None,
    key_id: str,
    private_key: Ed25519PrivateKey,
    created: int,
) -> dict[str, str]:
    """The headers to add to the request, names in lower case.

    `target_uri` is the URL as the server will see it (a URL without a path counts as "/");
    `created` is in Unix seconds; an empty body counts as none. Of `headers`, authorization and
    content-type matter. Raises UnsignableRequest.
    """
    if not key_id:
        raise UnsignableRequest("the key id is empty")
    sent = fold_headers(headers.items())
    added = _body_headers(sent, body) if body else {}
    merged = {**sent, **added}
    components = ["@method", "@target-uri"]
    components += ["authorization"] if "authorization" in sent else []
    components += ["content-digest", "content-length", "content-type"] if added else []
    listed = " ".join(f'"{component}"' for component in components)
    raw_parameters = f"({listed});keyid={serialise_string(key_id)};created={created}"
    try:
        base = signature_base(
            components=components,
            raw_parameters=raw_parameters,
            method=method,
            target_uri=target_uri,
            headers=merged,
        )
    except SignatureRefused as error:
        raise UnsignableRequest(f"{error.field} cannot be signed: {error.expected}") from error
    signature = b64encode(private_key.sign(base.encode())).decode()
    added["signature"] = f"{LABEL}=:{signature}:"
    added["signature-input"] = f"{LABEL}={raw_parameters}"
    return added


def _body_headers(headers: Headers, body: bytes) -> dict[str, str]:
    return {
        "content-digest": make_content_digest(body),
        "content-length": str(len(body)),
        "content-type": headers.get("content-type", DEFAULT_CONTENT_TYPE),
    }
