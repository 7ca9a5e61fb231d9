"""Is a request signed by its client? The one made with a key of the client's counts.

A request may carry further signatures, of gateways that it came through (RFC 9421 section 4.3), and
labels mean nothing, so each signature that names a key of the client is tried.

docs/adr/0006 says which signatures are remembered, and what a repeat of one means.
"""

from typing import Final, Protocol

from ilpkit.httpsig.errors import SignatureMismatch, SignatureRefused
from ilpkit.httpsig.keys import PublicKey
from ilpkit.httpsig.verify import (
    CREATED_AGE_MAX_S,
    CREATED_SKEW_MAX_S,
    ParsedSignature,
    parse_signatures,
    verify_request,
)

from servicekit.clock import Clock
from servicekit.guarded_requests import GuardedRequest
from servicekit.idempotency import IDEMPOTENCY_HEADER
from servicekit.key_sets import KeyUnavailable
from servicekit.redis import ReplayGuard

SIGNATURE_LIFE_MS: Final = (CREATED_AGE_MAX_S + CREATED_SKEW_MAX_S + 1) * 1000
"""For how long a signature can be valid here, from the earliest time that its client may name."""
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SignatureReplayed(Exception):  # noqa: N818 - named by what happened
    """The signature came with an earlier request."""

    def __init__(self) -> None:
        super().__init__(
            "this signature was used before; sign each request anew, with a nonce of its own, or "
            "repeat a request with the Idempotency-Key that it had"
        )


class ClientsKeys(Protocol):
    """The keys of the client that a request must be from."""

    async def find(self, kid: str) -> PublicKey:
        """The key of this name. Raises KeyUnavailable or SignatureRefused."""
        ...

    async def find_newer(self, kid: str, *, than: PublicKey) -> PublicKey | None:
        """Another key that was put under this name meanwhile; None when there is none."""
        ...


class SignatureCheck:
    """Checks signatures of clients."""

    def __init__(
        self, *, clock: Clock, replays: ReplayGuard, public_origin: str, either_scheme: bool
    ) -> None:
        """Clients sign URLs below `public_origin`.

        `either_scheme` takes http and https in the signed URL as one.
        """
        self._clock = clock
        self._public_origin = public_origin.rstrip("/")
        self._replays = replays
        self._either_scheme = either_scheme

    async def check(self, request: GuardedRequest, keys: ClientsKeys, *, once: bool) -> None:
        """Return if a key of the client signed the request; with `once`, for the first time.

        A signature with a nonce under a changing request counts once in any case.

        Raises:
            SignatureRefused, KeyUnavailable: why the signature does not count. Of several
                signatures, the last one's whose key was found tells it, or else the first one's.
            SignatureReplayed: it came with an earlier request.
        """
        why: SignatureRefused | KeyUnavailable | None = None
        for parsed in parse_signatures(request.headers):
            try:
                key = await keys.find(parsed.key_id)
            except (KeyUnavailable, SignatureRefused) as unusable:
                why = why or unusable
                continue
            try:
                await self._verify(request, parsed, key, keys)
            except SignatureRefused as refused:
                why = refused
                continue
            await self._remember(request, parsed, once=once)
            return
        assert why is not None  # there is at least one signature
        raise why

    async def _verify(
        self, request: GuardedRequest, parsed: ParsedSignature, key: PublicKey, keys: ClientsKeys
    ) -> None:
        """A key that fails may have been replaced under its name: then the newer one decides."""
        try:
            self._verify_with(request, parsed, key)
        except SignatureMismatch:
            newer = await keys.find_newer(parsed.key_id, than=key)
            if newer is None:
                raise
            self._verify_with(request, parsed, newer)

    def _verify_with(
        self, request: GuardedRequest, parsed: ParsedSignature, key: PublicKey
    ) -> None:
        verify_request(
            method=request.method,
            target_uri=self._public_origin + request.target,
            headers=request.headers,
            body=request.body,
            parsed=parsed,
            public_key=key,
            now=self._clock.now_ms() // 1000,
            either_scheme=self._either_scheme,
        )

    async def _remember(
        self, request: GuardedRequest, parsed: ParsedSignature, *, once: bool
    ) -> None:
        nonced = parsed.nonce is not None and request.method not in _SAFE_METHODS
        if not (once or nonced):
            return
        key = request.headers.get(IDEMPOTENCY_HEADER, "")
        earlier = await self._replays.claim(
            parsed.signature, mark=key.encode(), ttl_ms=SIGNATURE_LIFE_MS
        )
        # The key is not under the signature, so one that only the repeat has proves nothing.
        if earlier is not None and not (key and self._replays.same_mark(earlier, key.encode())):
            raise SignatureReplayed
