"""Programs from npm packages, each version in a cached folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from e2e.harness import paths
from e2e.harness.apt import ensure_commands, find
from e2e.harness.commands import run
from e2e.harness.lock import exclusive
from e2e.harness.progress import step

INSTALL_TIMEOUT_SECONDS = 900.0


def ensure_program(package: str, version: str, script: str) -> list[str | Path]:
    """The words that run `script` of an npm package. Raises CommandFailedError,
    BinaryUnavailableError, NotPermittedError.
    """
    ensure_commands(["node"])
    folder = paths.cache_root() / "npm" / f"{package}-{version}"
    program = folder / "node_modules" / package / script
    with exclusive(folder.with_suffix(".lock"), f"installing {package}", INSTALL_TIMEOUT_SECONDS):
        if not program.exists():
            _install(package, version, folder)
    node = find("node")
    assert node is not None
    return [node, program]


def _install(package: str, version: str, folder: Path) -> None:
    ensure_commands(["npm"])
    partial = folder.with_name(f".{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with step(f"installing {package} {version} from npm"):
        run(
            [
                *("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"),
                *("--omit=dev", f"--prefix={partial}", f"{package}@{version}"),
            ],
            timeout_seconds=INSTALL_TIMEOUT_SECONDS,
            cwd=partial,
        )
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
