"""How often auth is asked again."""

from datetime import timedelta

from services.backend.tenants.worker import ATTEMPTS_MAX, RETRY_MAX, retry_delay


def test_the_wait_doubles_up_to_its_limit() -> None:
    waits = [retry_delay(attempt) for attempt in range(1, 12)]
    assert waits[:4] == [timedelta(seconds=seconds) for seconds in (1, 2, 4, 8)]
    assert waits == sorted(waits)
    assert waits[-1] == RETRY_MAX
    assert retry_delay(0) == waits[0]


def test_trying_goes_on_for_more_than_a_day() -> None:
    total = sum((retry_delay(attempt) for attempt in range(1, ATTEMPTS_MAX)), timedelta())
    assert total > timedelta(days=1)
