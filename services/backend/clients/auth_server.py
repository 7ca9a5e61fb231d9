"""Which optional services the authorization server has: told at start, and lived without.

It may be of another make, and then has introspection alone.
"""

from typing import Final
from uuid import UUID

import grpc.aio
import structlog
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.grant.v1.grant_admin_service_pb2_grpc import GrantAdminServiceStub
from servicekit.clock import Clock
from servicekit.errors import NotFound, ServiceError, Unimplemented

DEADLINE_S: Final = 5.0
RETRY_S: Final = 5.0
AGAIN_S: Final = 600.0
"""The server may be replaced by another one."""
_NO_GRANT: Final = str(UUID(int=0))
_log = structlog.get_logger(__name__)


class OptionalServices:
    """Asks whether the server administers grants and tenants, and says so when it learns it."""

    def __init__(self, *, channel: grpc.aio.Channel, clock: Clock) -> None:
        self._grants = GrantAdminServiceStub(channel)
        self._clock = clock
        self._has: bool | None = None

    async def run(self) -> None:
        """Ask until cancelled: at once, and now and then."""
        while True:
            has = await self._ask()
            if has is not None and has is not self._has:
                self._tell(has=has)
            await self._clock.sleep(RETRY_S if self._has is None else AGAIN_S)

    async def _ask(self) -> bool | None:
        """Whether GrantAdminService is there; None when nothing is known of it."""
        try:
            await self._grants.GetGrant(pb.GetGrantRequest(id=_NO_GRANT), timeout=DEADLINE_S)
        except Unimplemented:
            return False
        except NotFound:
            return True
        except ServiceError:
            return None
        return True

    def _tell(self, *, has: bool) -> None:
        if not has:
            _log.warning(
                "auth_server_lacks",
                service="rafiki.grant.v1.GrantAdminService",
                consequence="it hears of no tenant, and its grants are administered elsewhere",
            )
        elif self._has is False:
            _log.info("auth_server_has", service="rafiki.grant.v1.GrantAdminService")
        self._has = has
