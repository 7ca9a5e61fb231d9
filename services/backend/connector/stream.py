"""This node's STREAM server: one receiver an ILP address, and credentials for payments."""

from functools import lru_cache
from typing import Final
from uuid import UUID

from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.receiver import Receiver
from servicekit.ids import IdSource

from services.backend.directory.worker import Directory

ADDRESSES_MAX: Final = 1024


class StreamServer:
    """Receivers by address; each remembers its connections' keys."""

    def __init__(self, *, secret: bytes, directory: Directory, ids: IdSource) -> None:
        self._secret = secret
        self._directory = directory
        self._ids = ids
        self._receiver = lru_cache(maxsize=ADDRESSES_MAX)(self._new_receiver)

    def receiver(self, ilp_address: str) -> Receiver:
        """The receiver at one of this node's addresses."""
        return self._receiver(ilp_address)

    def for_payment(self, payment_id: UUID, tenant_id: UUID) -> tuple[str, bytes]:
        """ILP address and shared secret for a payment; different at each call, all of them good."""
        address = self._directory.snapshot.tenants[tenant_id].ilp_address
        made = self._credentials(address).make(self._ids.token, payment_tag=str(payment_id))
        return made.ilp_address, made.shared_secret

    def _credentials(self, ilp_address: str) -> CredentialsFactory:
        return CredentialsFactory(self._secret, ilp_address)

    def _new_receiver(self, ilp_address: str) -> Receiver:
        return Receiver(credentials=self._credentials(ilp_address), random_bytes=self._ids.token)
