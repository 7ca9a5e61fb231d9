from servicekit.backoff import Backoff

from tests.support.clock import ManualClock
from tests.support.ids import SeededIds


def test_doubles_up_to_its_bound_within_half_a_step_of_jitter() -> None:
    ids = SeededIds(ManualClock())
    backoff = Backoff(first_ms=100, max_ms=1000)
    for attempt, step in ((1, 100), (2, 200), (4, 800), (5, 1000), (10_000, 1000)):
        delays = {backoff.delay_ms(attempt, ids) for _ in range(200)}
        assert min(delays) >= step // 2
        assert max(delays) <= step
        assert len(delays) > 10
    assert backoff.delay_s(1, ids) <= 0.1
