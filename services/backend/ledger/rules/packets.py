"""The money of one packet to a peer, from its reservation to its end: pure functions.

| what is known of the packet         | what is submitted                                          |
|-------------------------------------|------------------------------------------------------------|
| it is about to be sent              | `reserving`: pending transfers from the source to the peer |
| it was fulfilled                    | `posting`                                                  |
| it was rejected or never sent       | `voiding`                                                  |
| nobody answered, and nobody will    | `entering`: the reservation is released and, in the same   |
|                                     | chain, the source's amount goes to the account "unknown    |
|                                     | with this peer"                                            |
| it was entered, and is fulfilled    | `paying_after_all`: from that account on to the peer       |
| it was entered, and is rejected     | `giving_back`: from that account to the source             |
| it was voided, and is fulfilled     | `paying_again`: from the source to the peer, directly      |

Every id derives from the packet's, so each of these happens once. `paying_after_all` and
`giving_back` begin with the same id: whichever comes first, the other is refused. The voids of
`entering` have ids of their own, so that a late `voiding` is refused instead of taken for done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import (
    NewAccount,
    Transfer,
    TransferKind,
    TransferRecord,
    void,
)
from services.backend.ledger.rules.accounting import (
    LegMeaning,
    Plan,
    Side,
    posting,
    transfer,
    voiding,
)
from services.backend.ledger.rules.chart import AccountCode, TransferCode, new_account

GUARD_S: Final = 30 * 24 * 60 * 60
"""When the engine itself would give a reservation back to its source.

Nobody decides then, so it is far longer than the reconciler needs, its outages included.
"""
LEGS_MAX: Final = 2
LIQUIDITY_ATTEMPTS_MAX: Final = 16
"""How often an entry may be tried to be paid while the peer's asset has too little liquidity."""


def leg_ids(packet_id: int) -> tuple[int, ...]:
    """The ids that a packet's reservation may have in the ledger."""
    return packet_id, derive_id("leg", packet_id, 1)


def post_id(packet_id: int) -> int:
    """The id of the post of its first leg."""
    return derive_id("post", packet_id)


def void_id(packet_id: int) -> int:
    """The id of the void of its first leg; not that of `entering`."""
    return derive_id("void", packet_id)


def entry_transfer_id(packet_id: int) -> int:
    """The id of the transfer to the account "unknown with this peer"."""
    return derive_id("unknown packet", packet_id)


def resolution_id(packet_id: int) -> int:
    """The id of the first transfer that leaves that account again."""
    return derive_id("unknown packet resolved", packet_id)


def unknown_account_id(peer_account_id: int, *, ledger: int) -> int:
    """The account of what a peer did not answer for, in the asset of who paid for the packets."""
    return derive_id("unknown with peer", peer_account_id, ledger)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketMoney:
    """A packet's money: from whom, to whom, how much in the asset of each."""

    id: int
    """Of the packet's first transfer; the others' ids derive from it."""
    source: Side
    peer: Side
    source_amount: int
    peer_amount: int
    cause_id: int
    """The outgoing payment or the peer that pays."""

    def reserving(self) -> Plan:
        """Reserve; the first transfer carries the code by which reservations are found again."""
        plan = transfer(
            transfer_id=self.id,
            source=self.source,
            destination=self.peer,
            source_amount=self.source_amount,
            destination_amount=self.peer_amount,
            timeout_s=GUARD_S,
            cause_id=self.cause_id,
        )
        first, *rest = plan.chain
        return replace(plan, chain=(first._replace(code=int(TransferCode.PACKET)), *rest))

    @property
    def pending_ids(self) -> tuple[int, ...]:
        """The ids of what is reserved; amounts within one asset are equal, so one leg is all."""
        return leg_ids(self.id)[: 1 if self.source.ledger == self.peer.ledger else LEGS_MAX]

    @property
    def unknown_account_id(self) -> int:
        """The account "unknown with this peer" in the source's asset."""
        return unknown_account_id(self.peer.account_id, ledger=self.source.ledger)

    def unknown_account(self, *, asset_id: int) -> NewAccount:
        """Describe that account; the asset is the source's."""
        return new_account(
            AccountCode.UNKNOWN_WITH_PEER,
            account_id=self.unknown_account_id,
            ledger=self.source.ledger,
            asset_id=asset_id,
        )

    def posting(self) -> Plan:
        """Move what is reserved."""
        return posting(self.pending_ids, cause_id=self.cause_id)

    def voiding(self) -> Plan:
        """Release what is reserved."""
        return voiding(self.pending_ids, cause_id=self.cause_id)

    def entering(self) -> Plan:
        """Release it and keep the source's amount; the account for it must exist."""
        chain = (
            *(
                void(derive_id("void unknown", each), each, user_data_128=self.cause_id)
                for each in self.pending_ids
            ),
            self._single(
                entry_transfer_id(self.id), self.source.account_id, self.unknown_account_id
            ),
        )
        return Plan(chain, (LegMeaning(),) * len(chain))

    def paying_after_all(self, attempt: int) -> Plan:
        """Pay the peer out of what was entered.

        Where the peer's asset has too little liquidity an engine may burn the second transfer's
        id: the next attempt's number gives it another. The first keeps its id, which is what
        decides between this and `giving_back`.
        """
        plan = transfer(
            transfer_id=resolution_id(self.id),
            source=replace(self.source, account_id=self.unknown_account_id),
            destination=self.peer,
            source_amount=self.source_amount,
            destination_amount=self.peer_amount,
            cause_id=self.cause_id,
        )
        first, *rest = plan.chain
        others = (
            each._replace(id=derive_id("unknown packet paid", each.id, attempt)) for each in rest
        )
        return replace(plan, chain=(first, *others))

    def giving_back(self) -> Plan:
        """Give the source back what was entered."""
        back = self._single(resolution_id(self.id), self.unknown_account_id, self.source.account_id)
        return Plan((back,), (LegMeaning(),))

    def paying_again(self) -> Plan:
        """Pay at once, without a reservation."""
        return transfer(
            transfer_id=derive_id("packet paid again", self.id),
            source=self.source,
            destination=self.peer,
            source_amount=self.source_amount,
            destination_amount=self.peer_amount,
            cause_id=self.cause_id,
        )

    def _single(self, transfer_id: int, debit_id: int, credit_id: int) -> Transfer:
        return Transfer(
            transfer_id,
            debit_id,
            credit_id,
            self.source_amount,
            self.source.ledger,
            int(TransferCode.PACKET),
            user_data_128=self.cause_id,
        )


def money_of(legs: Sequence[TransferRecord]) -> PacketMoney:
    """Read a packet's money back from its reservation, in the order of `leg_ids`.

    Within an asset there is one leg, from the source to the peer. Across assets the first goes from
    the source to its asset's liquidity, the second from the other asset's liquidity to the peer.
    """
    first, last = legs[0], legs[-1]
    assert first.kind is TransferKind.PENDING, "the first leg is a packet's reservation"
    return PacketMoney(
        id=first.id,
        source=Side(
            account_id=first.debit_account_id,
            ledger=first.ledger,
            asset_account_id=0 if len(legs) == 1 else first.credit_account_id,
        ),
        peer=Side(
            account_id=last.credit_account_id,
            ledger=last.ledger,
            asset_account_id=0 if len(legs) == 1 else last.debit_account_id,
        ),
        source_amount=first.amount,
        peer_amount=last.amount,
        cause_id=first.user_data_128,
    )
