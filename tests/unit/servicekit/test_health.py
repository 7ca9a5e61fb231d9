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
