"""Asks an authorization server what an access token allows: all that a resource server needs of it.

client = IntrospectionClient(channel=channel)
found = await client.introspect(token, [AskedAccess(type="quote", actions=frozenset({"read"}))])
if isinstance(found, ActiveToken) and found.access: ...
"""

from ilpkit.gnap.client import Client, JwkClient, WalletAddressClient, client_name

from token_introspection.cache import CachedIntrospector
from token_introspection.client import IntrospectionClient, Introspector
from token_introspection.errors import IntrospectionFailed
from token_introspection.model import (
    INACTIVE,
    ActiveToken,
    InactiveToken,
    Introspection,
)
from token_introspection.watch import RevocationWatch

__all__ = [
    "INACTIVE",
    "ActiveToken",
    "CachedIntrospector",
    "Client",
    "InactiveToken",
    "Introspection",
    "IntrospectionClient",
    "IntrospectionFailed",
    "Introspector",
    "JwkClient",
    "RevocationWatch",
    "WalletAddressClient",
    "client_name",
]
