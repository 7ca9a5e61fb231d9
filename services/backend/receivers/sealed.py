"""What a quote read of another bank's receiver, kept with the quote.

Whichever process accepts the quote or begins to pay it a moment later needs the receiver's secret,
and would have to ask its bank again. In the database it is sealed under a key of the node's own.
"""

import json
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any, Final, Protocol

from ilpkit.errors import RemoteProtocolError
from ilpkit.money import Amount, Asset
from ilpkit.stream.crypto import IV_BYTES, StreamKeys
from servicekit.ids import IdSource

from services.backend.receivers.model import IlpMethod, Receiver

_PURPOSE: Final = b"receivers of quotes"


class Seal(Protocol):
    """Keeps a receiver from whoever reads the database."""

    def close(self, receiver: Receiver) -> bytes:
        """A receiver of another bank, sealed; its metadata is left out."""
        ...

    def open(self, sealed: bytes) -> Receiver | None:
        """The receiver; None when it was sealed under another key."""
        ...


class ReceiverSeal:
    """AES-256-GCM under a key derived from the node's STREAM secret, which all processes have."""

    def __init__(self, *, secret: bytes, ids: IdSource) -> None:
        self._keys = StreamKeys(_PURPOSE + secret)
        self._ids = ids

    def close(self, receiver: Receiver) -> bytes:
        """See Seal."""
        expected = receiver.incoming_amount
        fields = {
            "url": receiver.url,
            "wallet_address": receiver.wallet_address,
            "asset": [receiver.asset.code, receiver.asset.scale],
            "expected": None if expected is None else expected.value,
            "received": receiver.received_amount.value,
            "expires_at": _text(receiver.expires_at),
            "created_at": _text(receiver.created_at),
            "methods": [
                [method.ilp_address, b64encode(method.shared_secret).decode()]
                for method in receiver.methods
            ],
        }
        return self._keys.seal(json.dumps(fields).encode(), self._ids.token(IV_BYTES))

    def open(self, sealed: bytes) -> Receiver | None:
        """See Seal."""
        try:
            fields: dict[str, Any] = json.loads(self._keys.open(sealed))
        except RemoteProtocolError:
            return None
        asset, expected = Asset(*fields["asset"]), fields["expected"]
        expires_at = fields["expires_at"]
        return Receiver(
            url=fields["url"],
            wallet_address=fields["wallet_address"],
            asset=asset,
            incoming_amount=None if expected is None else Amount(expected, asset),
            received_amount=Amount(fields["received"], asset),
            completed=False,
            expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
            created_at=datetime.fromisoformat(fields["created_at"]),
            metadata=None,
            local_id=None,
            tenant_id=None,
            methods=tuple(
                IlpMethod(ilp_address=address, shared_secret=b64decode(secret))
                for address, secret in fields["methods"]
            ),
        )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
