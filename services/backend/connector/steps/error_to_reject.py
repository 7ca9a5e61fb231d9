"""Whatever goes wrong below becomes a Reject; the outermost step.

Only a packet whose outcome is unknown gets none: a Reject would tell the previous hop to take its
money back, although it may have been paid on.
"""

from typing import Final

import structlog
from ilpkit.errors import (
    LocalProtocolError,
    PolicyRefusal,
    RemoteProtocolError,
    UnknownOutcomeError,
)
from ilpkit.ilp.error_codes import T00_INTERNAL_ERROR, T03_CONNECTOR_BUSY
from ilpkit.ilp.packet import Reject, Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.ledger.errors import LedgerError, LedgerOverloadedError

MESSAGE_CHARS_MAX: Final = 512
_log = structlog.get_logger(__name__)


class ErrorToReject:
    """Gives each error the ILP code that it carries, and T00 to what carries none."""

    def __init__(self, *, ilp_address: str) -> None:
        self._ilp_address = ilp_address

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Answer for everyone below."""
        try:
            return await forward(context)
        except UnknownOutcomeError:
            raise
        except RejectedError as rejected:
            return Reject(rejected.ilp_code, self._ilp_address, rejected.message, rejected.data)
        except (RemoteProtocolError, PolicyRefusal) as error:
            return self._reject(error.ilp_code, str(error))
        except LedgerOverloadedError:
            return self._reject(T03_CONNECTOR_BUSY, "the ledger is busy, try again")
        except (LedgerError, LocalProtocolError) as error:
            _log.error("packet_failed", error=str(error))
            return self._reject(T00_INTERNAL_ERROR, "internal error")
        except Exception:  # noqa: BLE001 - a packet must be answered, whatever the bug
            _log.exception("packet_crashed")
            return self._reject(T00_INTERNAL_ERROR, "internal error")

    def _reject(self, code: str, message: str) -> Reject:
        return Reject(code, self._ilp_address, message[:MESSAGE_CHARS_MAX], b"")


class RejectedError(Exception):
    """A refusal with data of its own."""

    def __init__(self, ilp_code: str, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.ilp_code = ilp_code
        self.message = message
        self.data = data
