"""The outside world of the tests: wallet addresses with keys, served over real HTTP."""

from dataclasses import dataclass, field

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.httpsig.keys import private_key_from_seed, public_jwk


@dataclass
class Wallet:
    """One wallet address; a test may change what it publishes."""

    url: str
    key_id: str = "key-1"
    private_key: Ed25519PrivateKey = field(
        default_factory=lambda: private_key_from_seed(bytes(range(32)))
    )
    public_name: str | None = "Shop & Son"
    status: int = 200
    jwks_requests: int = 0

    def jwk(self) -> dict[str, str]:
        return public_jwk(self.private_key, kid=self.key_id)


class Wallets:
    """A server of wallet addresses on loopback."""

    def __init__(self) -> None:
        self._wallets: dict[str, Wallet] = {}
        self._runner: web.AppRunner | None = None
        self._origin = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{name}", self._address)
        app.router.add_get("/{name}/jwks.json", self._keys)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self._origin = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def add(self, name: str, *, seed: int = 1) -> Wallet:
        wallet = Wallet(
            url=f"{self._origin}/{name}", private_key=private_key_from_seed(bytes([seed]) * 32)
        )
        self._wallets[name] = wallet
        return wallet

    async def _address(self, request: web.Request) -> web.Response:
        wallet = self._found(request)
        body = {
            "id": wallet.url,
            "assetCode": "USD",
            "assetScale": 2,
            "authServer": "http://127.0.0.1:1/auth",
            "resourceServer": "http://127.0.0.1:1",
        }
        if wallet.public_name is not None:
            body["publicName"] = wallet.public_name
        return web.json_response(body)

    async def _keys(self, request: web.Request) -> web.Response:
        wallet = self._found(request)
        wallet.jwks_requests += 1
        return web.json_response({"keys": [wallet.jwk()]})

    def _found(self, request: web.Request) -> Wallet:
        wallet = self._wallets.get(request.match_info["name"])
        if wallet is None:
            raise web.HTTPNotFound
        if wallet.status != 200:
            raise web.HTTPBadGateway
        return wallet
