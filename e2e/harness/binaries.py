"""Finds or makes the tools the harness needs, each at its pinned version.

Order: `KUBEBUILDER_ASSETS` (trusted as it is), `PATH` (only the same major.minor), our cache, the
official release, Go modules. The first that has it wins; what is downloaded or built lands in the
cache.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from e2e.harness import gobuild, paths, releases
from e2e.harness.commands import run
from e2e.harness.docker import engine_answers
from e2e.harness.errors import BinaryUnavailableError, CommandFailedError
from e2e.harness.progress import say, step
from e2e.harness.versions import TOOLS

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
NATIVE_CLUSTER = (*CONTROL_PLANE, "kube-scheduler", "kube-proxy", "kubelet", "coredns", "helm")
KIND_CLUSTER = ("kind", "kubectl", "helm")

_VERSION_FLAGS = {
    "kubectl": ["version", "--client"],
    "helm": ["version", "--short"],
    "kind": ["version"],
    "kubeconform": ["-v"],
    "coredns": ["-version"],
}


def ensure(name: str) -> Path:
    """Path of the executable `name` (a key of versions.TOOLS).

    Raises BinaryUnavailableError, which names every source that was tried and why it failed.
    """
    if name not in TOOLS:
        raise BinaryUnavailableError(
            f"{name!r} is none of the known tools: {', '.join(sorted(TOOLS))}"
        )
    if name == "kind" and not engine_answers():
        raise BinaryUnavailableError("kind needs a Docker engine, and none answers here")
    version = TOOLS[name]
    cached = paths.bin_dir() / f"{name}-{version}"
    found = _installed(name, version) or (cached if cached.exists() else None)
    if found is not None:
        return found
    failures = []
    release = releases.release_of(name, version)
    if release is not None and releases.closed_because() is None:
        try:
            with step(f"downloading {name} {version}"):
                releases.download(release, cached)
            return cached
        except BinaryUnavailableError as error:
            failures.append(f"official release: {error}")
            say(f"… no download of {name} here ({error}); building it from Go modules")
    elif release is not None:
        failures.append(f"official release: no open internet ({releases.closed_because()})")
    try:
        gobuild.build(name, version, cached)
        return cached
    except (BinaryUnavailableError, CommandFailedError) as error:
        failures.append(f"Go modules: {error}")
    raise BinaryUnavailableError(
        f"{name} {version} cannot be had; put it on PATH or into the folder KUBEBUILDER_ASSETS.\n  "
        + "\n  ".join(failures)
    )


def same_minor(text: str, wanted: str) -> bool:
    """Whether the first version in `text` has the major and minor number of `wanted`."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return found is not None and [found[1], found[2]] == wanted.split(".")[:2]


def _installed(name: str, version: str) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / name).exists():
        return Path(assets) / name
    on_path = shutil.which(name)
    if on_path is None:
        return None
    try:
        answer = run([on_path, *_VERSION_FLAGS.get(name, ["--version"])], timeout_seconds=20)
    except CommandFailedError:
        return None
    return Path(on_path) if same_minor(answer, version) else None
