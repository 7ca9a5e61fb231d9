"""Finds receivers: incoming payments of this node, or of any other Open Payments server."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from ilpkit.errors import ProtocolError
from ilpkit.money import Amount, Asset
from ilpkit.openpayments.bodies import read_response
from ilpkit.openpayments.incoming_payment import (
    INCOMING_PAYMENT_WITH_METHODS,
    PUBLIC_INCOMING_PAYMENT,
    IncomingPaymentWithMethods,
)
from ilpkit.openpayments.wallet_address import WALLET_ADDRESS
from servicekit.clock import Clock
from servicekit.errors import ServiceError

from services.backend.clients.http import RefusedError
from services.backend.clients.open_payments import (
    DeniedError,
    MissingError,
    OpenPaymentsClient,
)
from services.backend.receivers.errors import (
    invalid_receiver,
    missing_receiver,
    remote_unavailable,
)
from services.backend.receivers.grants import RemoteGrants
from services.backend.receivers.model import IlpMethod, LocalAccount, Receiver
from services.backend.receivers.remembered import Remembered
from services.backend.receivers.sealed import Seal
from services.backend.wallet_addresses.errors import unknown_wallet_address

READ_ACTIONS: Final = ("read-all",)
CREATE_ACTIONS: Final = ("create", "complete", "read-all")
GRANT_ATTEMPTS_MAX: Final = 2


class LocalPayments(Protocol):
    """Incoming payments of this node."""

    async def find(self, url: str) -> Receiver | None:
        """The payment at one of our own URLs; None when the URL is not ours."""
        ...

    async def local_account(self, payment_id: UUID) -> LocalAccount:
        """Where a transfer to a payment goes."""
        ...


class ReceiverService:
    """Reads receivers wherever they are, and creates those of other banks."""

    def __init__(
        self,
        *,
        local: LocalPayments,
        client: OpenPaymentsClient,
        grants: RemoteGrants,
        seal: Seal,
        clock: Clock,
    ) -> None:
        self._seal = seal
        self._remembered = Remembered(clock=clock)
        self._local = local
        self._client = client
        self._grants = grants

    async def get(self, url: str) -> Receiver:
        """The receiver at a URL.

        Raises:
            MissingReceiver: there is none (INVALID_RECEIVER).
            InvalidArgument: its bank refuses, or answers something else (INVALID_RECEIVER).
            Unavailable: its bank does not answer as it should (REMOTE_UNAVAILABLE); that says
                nothing about the receiver, and nothing may be concluded from it.
        """
        local = await self._local.find(url)
        if local is not None:
            return local
        return await _answered(self._remote(url), url, missing=missing_receiver(url))

    def sealed(self, receiver: Receiver) -> bytes | None:
        """What a quote keeps of its receiver; None for one of this node, which is read at once."""
        return None if receiver.local_id is not None else self._seal.close(receiver)

    async def as_quoted(self, url: str, sealed: bytes | None, *, read_at: datetime) -> Receiver:
        """The receiver as its quote read it, if that was no longer ago than FRESH; else as `get`.

        Money that another node sent there meanwhile is missing in it.
        """
        if sealed is not None and self._remembered.is_fresh(url, read_at=read_at):
            receiver = self._seal.open(sealed)
            if receiver is not None:
                return receiver
        return await self.get(url)

    def changed(self, url: str) -> None:
        """Money was sent there: what was read before does not hold any more."""
        self._remembered.changed(url)

    async def create_remote(
        self,
        wallet_address_url: str,
        *,
        incoming_amount: Amount | None,
        expires_at: datetime | None,
        metadata: dict[str, Any] | None,
    ) -> Receiver:
        """Create an incoming payment at another bank; raises as `get` does.

        Raises:
            NotFound: there is no such wallet address (UNKNOWN_WALLET_ADDRESS).
        """
        document = _create_body(incoming_amount, expires_at, metadata)
        return await _answered(
            self._create_remote(wallet_address_url, document),
            wallet_address_url,
            missing=unknown_wallet_address(wallet_address_url),
        )

    async def complete_remote(self, url: str) -> Receiver:
        """Complete an incoming payment at another bank, for good; raises as `get` does."""
        missing = missing_receiver(url)
        self._remembered.changed(url)
        return await _answered(self._complete_remote(url), url, missing=missing)

    async def local_account(self, payment_id: UUID) -> LocalAccount:
        """Where a transfer to an incoming payment of this node goes."""
        return await self._local.local_account(payment_id)

    async def _create_remote(self, wallet_address_url: str, document: dict[str, Any]) -> Receiver:
        wallet = read_response(WALLET_ADDRESS, await self._client.get(wallet_address_url))
        url = f"{wallet.resource_server.rstrip('/')}/incoming-payments"
        # A wallet address has one id, however whoever typed it spells it.
        document = {"walletAddress": wallet.id, **document}
        created = await self._granted(
            str(wallet.auth_server),
            CREATE_ACTIONS,
            lambda token: self._client.post(url, document, token=token),
        )
        return _receiver(read_response(INCOMING_PAYMENT_WITH_METHODS, created))

    async def _complete_remote(self, url: str) -> Receiver:
        public = read_response(PUBLIC_INCOMING_PAYMENT, await self._client.get(url))
        auth_server = str(public.auth_server)

        async def read() -> Receiver:
            content = await self._granted(
                auth_server, CREATE_ACTIONS, lambda token: self._client.get(url, token=token)
            )
            return _receiver(read_response(INCOMING_PAYMENT_WITH_METHODS, content))

        found = await read()
        if found.completed:
            return found
        await self._granted(
            auth_server,
            CREATE_ACTIONS,
            lambda token: self._client.post_empty(f"{url}/complete", token=token),
        )
        return await read()

    async def _remote(self, url: str) -> Receiver:
        known = self._remembered.auth_server(url)
        if known is not None:
            try:
                return await self._read(url, known)
            except MissingError:
                raise
            except (OSError, ProtocolError):
                # Perhaps access is granted elsewhere by now: its bank tells anyone where.
                self._remembered.forget_auth_server(url)
        public = read_response(PUBLIC_INCOMING_PAYMENT, await self._client.get(url))
        auth_server = str(public.auth_server)
        receiver = await self._read(url, auth_server)
        self._remembered.keep_auth_server(url, auth_server)
        return receiver

    async def _read(self, url: str, auth_server: str) -> Receiver:
        content = await self._granted(
            auth_server, READ_ACTIONS, lambda token: self._client.get(url, token=token)
        )
        return _receiver(read_response(INCOMING_PAYMENT_WITH_METHODS, content))

    async def _granted(self, auth_server: str, actions: tuple[str, ...], call: Any) -> bytes:
        """Call with a token; a token that is refused is replaced once."""
        for attempt in range(1, GRANT_ATTEMPTS_MAX + 1):
            grant = await self._grants.token(auth_server, "incoming-payment", actions)
            try:
                content: bytes = await call(grant.access_token)
            except DeniedError:
                await self._grants.refused(grant)
                if attempt == GRANT_ATTEMPTS_MAX:
                    raise
            else:
                return content
        raise AssertionError("the last attempt returns or raises")


async def _answered(
    call: Coroutine[Any, Any, Receiver], url: str, *, missing: ServiceError
) -> Receiver:
    """What another bank says of a receiver; each of its failures as ours.

    | the other bank                                           | error              | a payment |
    |----------------------------------------------------------|--------------------|-----------|
    | 404, 410                                                 | `missing`          | fails     |
    | 401, 403 also with a new token, other 4xx, a redirect    | INVALID_RECEIVER   | waits     |
    | no token without interaction, another document, no JSON  | INVALID_RECEIVER   | waits     |
    | a URL that may not be called, an answer that is too long | INVALID_RECEIVER   | waits     |
    | no connection, no answer in time, 408, 425, 429, 5xx     | REMOTE_UNAVAILABLE | waits     |

    The last column is of payments whose sending has begun; a caller hears each error at once.
    """
    try:
        return await call
    except MissingError:
        raise missing from None
    except (RefusedError, ProtocolError) as error:
        raise invalid_receiver(url, f"can't be used: {error}") from None
    except OSError as error:
        raise remote_unavailable(url, f"can't be reached: {error}") from None


def _create_body(
    incoming_amount: Amount | None,
    expires_at: datetime | None,
    metadata: dict[str, Any] | None,
) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if incoming_amount is not None:
        document["incomingAmount"] = {
            "value": str(incoming_amount.value),
            "assetCode": incoming_amount.asset.code,
            "assetScale": incoming_amount.asset.scale,
        }
    if expires_at is not None:
        document["expiresAt"] = expires_at.isoformat()
    if metadata is not None:
        document["metadata"] = metadata
    return document


def _receiver(payment: IncomingPaymentWithMethods) -> Receiver:
    received = payment.received_amount.to_amount()
    expected = None if payment.incoming_amount is None else payment.incoming_amount.to_amount()
    if expected is not None and expected.asset != received.asset:
        raise RefusedError("its incomingAmount and its receivedAmount are of two assets")
    methods = tuple(
        IlpMethod(ilp_address=method.ilp_address, shared_secret=_secret(method.shared_secret))
        for method in payment.methods
    )
    return Receiver(
        url=str(payment.id),
        wallet_address=str(payment.wallet_address),
        asset=Asset(received.asset.code, received.asset.scale),
        incoming_amount=expected,
        received_amount=received,
        completed=payment.completed,
        expires_at=payment.expires_at,
        created_at=payment.created_at,
        metadata=payment.metadata,
        local_id=None,
        tenant_id=None,
        methods=methods,
    )


def _secret(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise RefusedError("the shared secret is no base64url") from error
