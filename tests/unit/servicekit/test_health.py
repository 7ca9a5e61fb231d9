import asyncio
import json

from servicekit.health import HealthChecks
from servicekit.http_messages import Request

from tests.support.clock import ManualClock

_ASK = Request("GET", "/healthz", {}, b"", "")


async def _fine() -> None:
    return None


async def _broken() -> None:
    raise ConnectionError("postgres://user:secret@host is down")


async def _stuck() -> None:
    await asyncio.Event().wait()


async def test_names_each_check_and_hides_why_it_failed() -> None:
    checks = HealthChecks(clock=ManualClock(), timeout_s=0.01)
    checks.add("postgres", _broken)
    checks.add("redis", _stuck)
    checks.add("ledger", _fine)
    answer = await checks.handle(_ASK)
    assert answer.status == 503
    assert b"secret" not in answer.body
    assert json.loads(answer.body) == {
        "status": "failed",
        "checks": {"postgres": "failed", "redis": "timeout", "ledger": "ok"},
    }


async def test_is_healthy_when_all_checks_are_until_it_drains() -> None:
    checks = HealthChecks(clock=ManualClock())
    checks.add("ledger", _fine)
    assert (await checks.handle(_ASK)).status == 200
    checks.draining = True
    answer = await checks.handle(_ASK)
    assert (answer.status, json.loads(answer.body)["status"]) == (503, "draining")


async def test_many_askers_share_one_check_a_second() -> None:
    clock, asked = ManualClock(), 0

    async def counted() -> None:
        nonlocal asked
        asked += 1

    checks = HealthChecks(clock=clock)
    checks.add("store", counted)
    await asyncio.gather(*(checks.report() for _ in range(50)))
    assert asked == 1
    await clock.advance(1.5)
    await checks.report()
    assert asked == 2


async def test_work_goes_on_without_what_is_not_vital_and_health_says_so() -> None:
    checks = HealthChecks(clock=ManualClock())
    checks.add("postgres", _fine)
    checks.add("redis", _broken, vital=False)
    answer = await checks.handle(_ASK)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "status": "degraded",
        "checks": {"postgres": "ok", "redis": "failed"},
    }


async def test_a_check_that_does_not_end_when_cancelled_is_neither_waited_for_nor_doubled() -> None:
    frozen, started = asyncio.Event(), 0

    async def check() -> None:
        nonlocal started
        started += 1
        try:
            await asyncio.Event().wait()
        finally:
            await frozen.wait()

    clock = ManualClock()
    checks = HealthChecks(clock=clock, timeout_s=0.01)
    checks.add("postgres", check)
    for _ in range(3):
        report = await checks.report()
        assert dict(report.states) == {"postgres": "timeout"}
        assert (await checks.live(Request("GET", "/livez", {}, b"", ""))).status == 200
        await clock.advance(2_000)
    assert started == 1
    frozen.set()
    checks.draining = True
    assert (await checks.live(Request("GET", "/livez", {}, b"", ""))).status == 503
