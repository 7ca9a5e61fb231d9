"""Generates everything that comes from proto/: Python stubs and Envoy's descriptor set.

`--out DIR` writes somewhere else; the freshness test compares that with what is committed.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
THIRD_PARTY = PROTO / "third_party"


def own_protos() -> list[str]:
    """Paths of our .proto files relative to proto/, sorted."""
    return sorted(str(path.relative_to(PROTO)) for path in (PROTO / "rafiki").rglob("*.proto"))


def generate(out: Path) -> None:
    """Writes `out`/python and `out`/envoy/descriptors.binpb."""
    python_out, envoy_out = out / "python", out / "envoy"
    for folder in (python_out / "rafiki", envoy_out):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    includes = [f"-I{PROTO}", f"-I{THIRD_PARTY}"]
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        *includes,
        f"--python_out={python_out}",
        f"--grpc_python_out={python_out}",
        f"--mypy_out={python_out}",
        f"--mypy_grpc_out={python_out}",
        *own_protos(),
    ]
    # The plugins are installed beside this interpreter, which need not be on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path}
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own files and interpreter
    for folder in [python_out / "rafiki", *(python_out / "rafiki").rglob("*")]:
        if folder.is_dir():
            (folder / "__init__.py").touch()
    descriptors = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        *includes,
        "--include_imports",
        # Without the error details Envoy cannot print google.rpc.Status as JSON.
        f"--descriptor_set_out={envoy_out / 'descriptors.binpb'}",
        *own_protos(),
        "google/rpc/error_details.proto",
    ]
    subprocess.run(descriptors, check=True)  # noqa: S603 - our own files and interpreter


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "generated")
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
