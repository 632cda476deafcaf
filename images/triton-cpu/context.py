#!/usr/bin/env python3
"""Fills the build context of the Triton CPU image.

`context.py FOLDER` writes `site/` (the Python packages), `tritonserver/` (server, libraries, Python
backend) and `backends/` (our onnxruntime backend) into FOLDER. `context.py --inputs` prints the
files that decide what comes out, relative to the repository's root.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from pinned_packages import PYTHON_VERSION, drop, install, settle  # noqa: E402

INPUTS = ("images/triton-cpu", "images/pinned_packages.py")
REQUIREMENTS = HERE / "requirements.txt"

UNUSED_LIBRARIES = ("libpython3-*",)
"""Only the stub for another Python needs them."""

UNUSED_PACKAGES = (
    "**/tests",
    "numpy/f2py",
    "onnxruntime/transformers",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/datasets",
    # For C programs; the Python module holds its own copy.
    "onnxruntime/capi/libonnxruntime.so.*",
)


def make_server(packages: Path, target: Path) -> None:
    """Lay out nvidia-pytriton's server as NVIDIA's images do below /opt/tritonserver."""
    source = packages / "pytriton" / "tritonserver"
    shutil.copytree(source / "bin", target / "bin")
    shutil.copytree(source / "caches", target / "caches")
    shutil.copytree(source / "backends", target / "backends")
    stub = source / "python_backend_stubs" / PYTHON_VERSION / "triton_python_backend_stub"
    shutil.copy2(stub, target / "backends" / "python")
    shutil.copytree(packages / "nvidia_pytriton.libs", target / "lib")
    drop(target / "lib", UNUSED_LIBRARIES)
    for path in target.rglob("*"):
        executable = path.is_dir() or path.name in ("tritonserver", stub.name)
        path.chmod(0o755 if executable else 0o644)


def make_site(packages: Path, target: Path) -> None:
    """The Python packages that the stub must find."""
    target.mkdir()
    for name in ("numpy", "numpy.libs", "onnxruntime"):
        shutil.move(packages / name, target / name)
    for metadata in packages.glob("*.dist-info"):
        if metadata.name.startswith(("numpy-", "onnxruntime-")):
            shutil.move(metadata, target / metadata.name)
    drop(target, UNUSED_PACKAGES)


def make_context(folder: Path) -> None:
    """Fill `folder`; whatever it holds of an earlier call is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tritonserver", "site", "backends"):
        shutil.rmtree(folder / name, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        packages = Path(scratch)
        print("unpacking Triton, numpy and onnxruntime", flush=True)
        install(REQUIREMENTS, packages)
        make_server(packages, folder / "tritonserver")
        make_site(packages, folder / "site")
    shutil.copytree(
        HERE / "backends", folder / "backends", ignore=shutil.ignore_patterns("__pycache__")
    )
    settle(folder)


def main(arguments: list[str]) -> int:
    """Exit code 2 for wrong arguments."""
    if arguments == ["--inputs"]:
        print("\n".join(INPUTS))
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: context.py FOLDER | --inputs", file=sys.stderr)
        return 2
    make_context(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
