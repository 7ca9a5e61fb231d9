"""Who may have how many of the payments that a process sends at once: pure counting.

Rules of this file:
- A tenant may take another slot while it has less than SHARE times what is free. Alone it gets
  three quarters of all, one of two gets three sevenths, and so on; some slots stay free for whoever
  comes, however long the others' payments take.
- Several are claimed in one statement that can't count by tenant: no more than whoever has most, of
  those who may take any, may take of them.
"""

from collections import Counter
from typing import Final
from uuid import UUID

SHARE: Final = 3


class Slots:
    """The slots of one process."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._holders: dict[UUID, UUID] = {}
        self._held: Counter[UUID] = Counter()

    def take(self, payment_id: UUID, tenant_id: UUID) -> None:
        """A payment of a tenant is being sent."""
        self._holders[payment_id] = tenant_id
        self._held[tenant_id] += 1

    def free(self, payment_id: UUID) -> None:
        """It is not any more."""
        tenant_id = self._holders.pop(payment_id)
        self._held[tenant_id] -= 1
        if not self._held[tenant_id]:
            del self._held[tenant_id]

    def has_room(self, tenant_id: UUID) -> bool:
        """Whether a tenant may take one more."""
        return self._held[tenant_id] < SHARE * self._left

    def full(self) -> list[UUID]:
        """The tenants that may take none now, of those that have any."""
        return [tenant_id for tenant_id in self._held if not self.has_room(tenant_id)]

    def claimable(self) -> int:
        """How many payments may be taken at once, of whichever tenants that are not full."""
        if self._left <= 0:
            return 0
        most = max((held for held in self._held.values() if held < SHARE * self._left), default=0)
        return max((SHARE * self._left - most) // (SHARE + 1), 1)

    @property
    def _left(self) -> int:
        return self._slots - len(self._holders)
