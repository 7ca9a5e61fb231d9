"""The contract of a ledger engine, as tests.

An engine's test module subclasses `LedgerConformance` (and `ExpirySuite`, when time passes on
request, and `RangeSuite`, when it evaluates with our code) and gives a `world` fixture.
"""

from tests.conformance.ledger.accounts_suite import AccountsSuite
from tests.conformance.ledger.packets_suite import PacketsSuite
from tests.conformance.ledger.payments_suite import PaymentsSuite
from tests.conformance.ledger.range_suite import RangeSuite
from tests.conformance.ledger.transfers_suite import HistorySuite, TransfersSuite
from tests.conformance.ledger.two_phase_suite import ExpirySuite, TwoPhaseSuite

__all__ = ["ExpirySuite", "LedgerConformance", "RangeSuite"]


class LedgerConformance(
    AccountsSuite, TransfersSuite, HistorySuite, TwoPhaseSuite, PaymentsSuite, PacketsSuite
):
    """Everything that each engine must pass."""
