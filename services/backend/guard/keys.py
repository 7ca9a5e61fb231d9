"""Keys of our own wallet addresses, as the directory has them."""

from collections.abc import Mapping
from typing import Any

from services.backend.directory.wallet_addresses import WalletAddresses


class DirectoryKeySets:
    """JWK sets of the node's wallet addresses."""

    def __init__(self, wallet_addresses: WalletAddresses) -> None:
        self._wallet_addresses = wallet_addresses

    async def key_set(self, url: str) -> Mapping[str, Any] | None:
        """The JWK set of a wallet address; None when it is not ours."""
        keys = await self._wallet_addresses.keys_by_url(url)
        return None if keys is None else {"keys": [key.jwk for key in keys]}
