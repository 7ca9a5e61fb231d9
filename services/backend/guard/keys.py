"""Keys of clients, from the JWK sets at their wallet addresses."""

from ilpkit.httpsig.keys import PublicKey
from servicekit.client_keys import ClientKeys as KeySets
from servicekit.client_keys import KeyUnavailable
from servicekit.clock import Clock
from servicekit.documents import JsonFetcher
from servicekit.errors import Unauthenticated


class ClientKeys:
    """Finds the key that a signature names."""

    def __init__(self, *, fetcher: JsonFetcher, clock: Clock) -> None:
        self._source = KeySets(clock=clock, fetcher=fetcher)

    async def find(self, wallet_address: str, kid: str) -> PublicKey:
        """The key with this kid; raises Unauthenticated when it can't be had."""
        try:
            return await self._source.find(wallet_address, kid)
        except KeyUnavailable as unusable:
            raise Unauthenticated("SIGNATURE_INVALID", str(unusable)) from None

    async def find_newer(
        self, wallet_address: str, kid: str, *, than: PublicKey
    ) -> PublicKey | None:
        """Another key that was put under this kid meanwhile; None when there is none."""
        return await self._source.find_newer(wallet_address, kid, than=than)
