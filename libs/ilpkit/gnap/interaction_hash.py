"""The hash that ties the browser's return to the grant request (RFC 9635 section 4.2.3).

Standard base64 with padding, as the reference servers and every client compute it. RFC 9635 says
base64url without padding; a client that follows it alone would not recognise any deployed server.
"""

import hashlib
import hmac
from base64 import b64encode


def interaction_hash(
    *, client_nonce: str, server_nonce: str, interact_ref: str, grant_endpoint: str
) -> str:
    """The `hash` query parameter of the redirect back to the client.

    `server_nonce` is `interact.finish` of the response; `grant_endpoint` is the URL the client sent
    its grant request to, letter for letter.
    """
    text = f"{client_nonce}\n{server_nonce}\n{interact_ref}\n{grant_endpoint}"
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def interaction_hash_matches(
    received: str,
    *,
    client_nonce: str,
    server_nonce: str,
    interact_ref: str,
    grant_endpoint: str,
) -> bool:
    """Whether a received hash is the right one, compared in constant time."""
    expected = interaction_hash(
        client_nonce=client_nonce,
        server_nonce=server_nonce,
        interact_ref=interact_ref,
        grant_endpoint=grant_endpoint,
    )
    return hmac.compare_digest(received.encode(), expected.encode())
