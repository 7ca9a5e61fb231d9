"""The units pass systemd's own check and give the services no more rights than they need."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.deploy.deployment_files import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# systemd-analyze: 0 is closed, 10 is open.
EXPOSURE_MAX = 3.0
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no `systemd-analyze` on PATH"
)


@needs_systemd
def test_systemd_understands_each_line(tmp_path: Path) -> None:
    for unit in UNITS:
        # The programs are on the operator's machine only: something that exists stands for them.
        text = re.sub(r"/(opt/rafiki/bin/[\w-]+|usr/bin/envoy)", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_service_has_few_rights(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < EXPOSURE_MAX


def test_a_stopped_service_gets_the_time_that_it_takes() -> None:
    for unit in UNITS:
        (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
        assert int(seconds) >= (30 if unit.stem == "rafiki-envoy" else 45)
