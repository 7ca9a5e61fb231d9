"""npm packages of a test folder, installed from its lock file."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

INSTALL_SECONDS_MAX = 180
NO_NETWORK_SIGNS = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "network")


def install_packages(folder: Path) -> None:
    """Make `node_modules` match the lock file, once for each lock; skips without node."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the reference packages can't run")
    lock = folder / "package-lock.json"
    lock_hash = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    stamp = folder / "node_modules" / f".installed-{lock_hash}"
    with lock.open() as guard:
        # Several test processes may start at once; the first installs.
        fcntl.flock(guard, fcntl.LOCK_EX)
        if stamp.exists():
            return
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
        if done.returncode != 0:
            reason = done.stderr.strip()[-300:]
            if any(sign in reason for sign in NO_NETWORK_SIGNS):
                pytest.skip(f"the package registry can't be reached: {reason}")
            pytest.fail(f"npm ci failed: {reason}")
        stamp.touch()
