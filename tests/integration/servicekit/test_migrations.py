"""Migrations against a real Postgres, from processes of their own."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
from servicekit.migrations import upgrade, upgrade_async

from tests.support.postgres import TestPostgres

_ROOT = Path(__file__).parents[3]
_ENV = "from servicekit.migrations import run_environment\n\nrun_environment()\n"
_REVISION = """
from alembic import op
revision = {name!r}
down_revision = {before!r}
def upgrade():
    op.execute("CREATE TABLE {name} (id int)")
    op.execute("INSERT INTO {name} VALUES (1)")
    op.execute({extra!r})
"""


def _scripts(folder: Path, **revisions: str) -> Path:
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(_ENV)
    before = None
    for name, extra in revisions.items():
        (folder / "versions" / f"{name}.py").write_text(
            _REVISION.format(name=name, before=before, extra=extra)
        )
        before = name
    return folder


async def _rows(url: str, table: str) -> int | None:
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            return None
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - the test's own name
    finally:
        await connection.close()


async def test_processes_that_start_at_once_migrate_once(
    postgres_server: TestPostgres, tmp_path: Path
) -> None:
    url = postgres_server.create_database()
    scripts = _scripts(tmp_path / "m", first="SELECT pg_sleep(0.1)", second="SELECT 1")
    program = (
        "import sys; from pathlib import Path; from servicekit.migrations import upgrade;"
        "upgrade(sys.argv[1], Path(sys.argv[2]))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            url,
            str(scripts),
            env={**os.environ, "PYTHONPATH": str(_ROOT / "libs")},
        )
        for _ in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert [await _rows(url, name) for name in ("first", "second")] == [1, 1]
    await upgrade_async(url, scripts)
    assert await _rows(url, "first") == 1


async def test_a_failing_revision_keeps_what_came_before_it_whole(
    postgres_server: TestPostgres, tmp_path: Path
) -> None:
    url = postgres_server.create_database()
    scripts = _scripts(tmp_path / "m", good="SELECT 1", bad="SELECT 1/0")
    failure: Exception | None = None
    try:
        upgrade(url, scripts)
    except Exception as error:  # noqa: BLE001 - whatever alembic lets out
        failure = error
    assert "division by zero" in str(failure)
    assert [await _rows(url, name) for name in ("good", "bad")] == [1, None]
