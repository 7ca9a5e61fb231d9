"""Keys of clients, from the JWK sets at their wallet addresses."""

from ilpkit.httpsig.keys import PublicKey
from servicekit.clock import Clock
from servicekit.errors import Unauthenticated

from services.auth.clients.fetcher import LOCAL_FETCHES, JsonFetcher
from services.auth.clients.key_source import ClientKeySource
from services.auth.clients.model import WalletAddressClient
from services.auth.errors import UnusableClient


class ClientKeys:
    """Finds the key that a signature names."""

    def __init__(self, *, session: object, clock: Clock) -> None:
        del session
        self._source = ClientKeySource(clock=clock, fetcher=JsonFetcher(rules=LOCAL_FETCHES))

    async def find(self, wallet_address: str, kid: str) -> PublicKey:
        """The key with this kid; raises Unauthenticated when it can't be had."""
        try:
            return await self._source.key(WalletAddressClient(wallet_address), kid)
        except UnusableClient as unusable:
            raise Unauthenticated("SIGNATURE_INVALID", str(unusable)) from None
