"""Asks an authorization server what an access token allows: all that a resource server needs of it.

async with open_introspection("127.0.0.1:3106") as tokens:
    asked = AskedAccess(type="quote", actions=frozenset({"read"}))
    found = await tokens.introspect(token, [asked])
    if isinstance(found, ActiveToken) and found.access: ...
"""

from ilpkit.gnap.client import Client, JwkClient, WalletAddressClient, client_name

from token_introspection.blocking import BlockingIntrospection
from token_introspection.cache import CachedIntrospector
from token_introspection.client import IntrospectionClient, Introspector
from token_introspection.errors import IntrospectionFailed
from token_introspection.model import (
    INACTIVE,
    ActiveToken,
    InactiveToken,
    Introspection,
)
from token_introspection.opened import open_introspection
from token_introspection.watch import RevocationWatch

__all__ = [
    "INACTIVE",
    "ActiveToken",
    "BlockingIntrospection",
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
    "open_introspection",
]
