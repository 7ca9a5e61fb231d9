"""A small Open Payments client: signed requests, grants with interaction, payments."""

import json
import secrets
import uuid
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ilpkit.gnap.interaction_hash import interaction_hash_matches
from ilpkit.httpsig.sign import sign_request
from servicekit.clock import Clock

TIMEOUT_S: Final = 30.0
ATTEMPTS_MAX: Final = 4
ATTEMPT_INTERVAL_S: Final = 0.2
UNAVAILABLE: Final = 503
FAILED_FROM: Final = 400
# Where the browser comes back to after consent. Nobody serves it: the client reads the redirect.
FINISH_URI: Final = "http://127.0.0.1/finished"
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class OpenPaymentsError(RuntimeError):
    """A server refused; the text holds its answer."""


class OpenPaymentsClient:
    """A client that is known by a wallet address and signs with its key."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        wallet_address: str,
        key_id: str,
        private_key: Ed25519PrivateKey,
        clock: Clock,
    ) -> None:
        """Take who the client is. The session must not follow redirects by itself."""
        self._session = session
        self._wallet_address = wallet_address
        self._key_id = key_id
        self._private_key = private_key
        self._clock = clock

    async def get(self, url: str, *, token: str | None = None) -> Any:
        """A resource; unsigned without a token. Raises OpenPaymentsError."""
        return await self._request("GET", url, None, token)

    async def post(self, url: str, body: Any = None, *, token: str | None = None) -> Any:
        """Create or act. Raises OpenPaymentsError."""
        return await self._request("POST", url, body, token)

    async def grant(self, auth_server: str, *access: dict[str, Any]) -> str:
        """A token for access that needs no interaction."""
        body = {"client": self._wallet_address, "access_token": {"access": list(access)}}
        answer = await self.post(auth_server, body)
        token: str = answer["access_token"]["value"]
        return token

    async def ask(self, auth_server: str, *access: dict[str, Any]) -> "PendingGrant":
        """A grant that the user has to agree to."""
        nonce = secrets.token_hex(16)
        body = {
            "client": self._wallet_address,
            "access_token": {"access": list(access)},
            "interact": {
                "start": ["redirect"],
                "finish": {"method": "redirect", "uri": FINISH_URI, "nonce": nonce},
            },
        }
        answer = await self.post(auth_server, body)
        return PendingGrant(auth_server=auth_server, nonce=nonce, answer=answer)

    async def finish(self, grant: "PendingGrant", redirect: str) -> str:
        """The token after the browser came back. Raises OpenPaymentsError if it was refused."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(redirect).query).items()}
        reference = query.get("interact_ref")
        if reference is None:
            raise OpenPaymentsError(f"the user did not agree: {query.get('result')}")
        if not interaction_hash_matches(
            query.get("hash", ""),
            client_nonce=grant.nonce,
            server_nonce=grant.answer["interact"]["finish"],
            interact_ref=reference,
            grant_endpoint=grant.auth_server,
        ):
            raise OpenPaymentsError("the redirect's hash is not right")
        continuation = grant.answer["continue"]
        await self._clock.sleep(continuation.get("wait", 0))
        answer = await self.post(
            continuation["uri"],
            {"interact_ref": reference},
            token=continuation["access_token"]["value"],
        )
        token: str = answer["access_token"]["value"]
        return token

    async def _request(self, method: str, url: str, body: Any, token: str | None) -> Any:
        """Ask again when nobody was there to answer; the key makes that safe for a POST too."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"accept": "application/json"}
        if method == "POST":
            headers["idempotency-key"] = str(uuid.uuid4())
        for attempt in range(1, ATTEMPTS_MAX + 1):
            status, text = await self._send(method, url, data, token, headers)
            if status != UNAVAILABLE or attempt == ATTEMPTS_MAX:
                break
            await self._clock.sleep(ATTEMPT_INTERVAL_S * attempt)
        if status >= FAILED_FROM:
            raise OpenPaymentsError(f"{method} {url} was answered {status}: {text}")
        return json.loads(text) if text else None

    async def _send(
        self, method: str, url: str, data: bytes | None, token: str | None, more: dict[str, str]
    ) -> tuple[int, str]:
        headers = dict(more)
        if data is not None:
            headers["content-type"] = "application/json"
        if token is not None:
            headers["authorization"] = f"GNAP {token}"
        if token is not None or data is not None:
            headers |= sign_request(
                method=method,
                target_uri=url,
                headers=headers,
                body=data,
                key_id=self._key_id,
                private_key=self._private_key,
                created=self._clock.now_ms() // 1000,
            )
        async with self._session.request(
            method, url, data=data, headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        ) as response:
            return response.status, await response.text()


class PendingGrant:
    """A grant that waits for the user."""

    def __init__(self, *, auth_server: str, nonce: str, answer: dict[str, Any]) -> None:
        """Take the authorization server's answer."""
        self.auth_server = auth_server
        self.nonce = nonce
        self.answer = answer

    @property
    def redirect(self) -> str:
        """Where the user's browser goes."""
        url: str = self.answer["interact"]["redirect"]
        return url


class Browser:
    """A user's browser that presses a button on the consent page."""

    def __init__(self) -> None:
        """Start without cookies."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def close(self) -> None:
        """Forget everything."""
        await self._session.close()

    async def consent(self, redirect: str, decision: str) -> str:
        """Follow a client's redirect, decide (approve or deny), and return where that leads."""
        return await self._follow("GET", await self.decide(redirect, decision))

    async def decide(self, redirect: str, decision: str) -> str:
        """Decide, and return the page that ends the interaction, without going there."""
        consent_page = await self._follow("GET", redirect)
        query = parse_qs(urlsplit(consent_page).query)
        await self.read(consent_page)
        form = {
            "interactId": query["interactId"][0],
            "nonce": query["nonce"][0],
            "decision": decision,
        }
        address = consent_page.partition("?")[0]
        return await self._follow("POST", address, form)

    async def read(self, url: str) -> str:
        """The text of a page that does not lead elsewhere. Raises OpenPaymentsError."""
        async with self._session.get(url) as page:
            text = await page.text()
        if not page.ok:
            raise OpenPaymentsError(f"GET {url} was answered {page.status}: {text}")
        return text

    async def _follow(self, method: str, url: str, form: dict[str, str] | None = None) -> str:
        """One step: where a request is redirected to."""
        async with self._session.request(method, url, data=form, allow_redirects=False) as response:
            if response.status not in _REDIRECTS:
                text = await response.text()
                raise OpenPaymentsError(f"{method} {url} was answered {response.status}: {text}")
            return response.headers["location"]
