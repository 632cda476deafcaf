"""The Prometheus Operator's own resource definitions: for tests of the objects that name its kinds.

From the repository at the pinned tag, or out of the Go module of the same version; pinned by sha256
either way, and cached.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from e2e.harness import paths, releases
from e2e.harness.commands import run
from e2e.harness.errors import BinaryUnavailableError, CommandFailedError
from e2e.harness.progress import step

VERSION = "0.92.0"
MODULE = "github.com/prometheus-operator/prometheus-operator"
FOLDER = "example/prometheus-operator-crd"
DIGESTS = {
    "podmonitors": "1f7dec723dd75a6d926dbadaabba8827577b2eca864cf59ac51ee9ccc5adc6dc",
    "servicemonitors": "f11dee209f0a9f917ca781fb921969fb3c0dc710440eb77fa44ec7368d51f957",
}


def monitoring_crd(plural: str) -> Path:
    """The file with the definition of `podmonitors` or `servicemonitors`.

    Raises BinaryUnavailableError when it can be had from nowhere, or is another than the pinned.
    """
    name = f"monitoring.coreos.com_{plural}.yaml"
    cached = paths.cache_root() / "crds" / f"{VERSION}-{name}"
    if cached.exists() and _digest(cached.read_bytes()) == DIGESTS[plural]:
        return cached
    with step(f"fetching the definition of {plural}"):
        data = _downloaded(name) or _from_module(name)
    if _digest(data) != DIGESTS[plural]:
        raise BinaryUnavailableError(f"{name} of {MODULE} {VERSION} is not the pinned one")
    cached.parent.mkdir(parents=True, exist_ok=True)
    partial = cached.with_suffix(".partial")
    partial.write_bytes(data)
    partial.rename(cached)
    return cached


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _downloaded(name: str) -> bytes | None:
    repository = MODULE.partition("/")[2]
    if releases.closed_because() is not None:
        return None
    try:
        return releases.fetch(
            f"https://raw.githubusercontent.com/{repository}/v{VERSION}/{FOLDER}/{name}"
        )
    except BinaryUnavailableError:
        return None


def _from_module(name: str) -> bytes:
    if shutil.which("go") is None:
        raise BinaryUnavailableError(f"{name}: no download here, and Go is not installed")
    folder = paths.build_dir("monitoring-crds")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        answer = run(
            ["go", "mod", "download", "-json", f"{MODULE}@v{VERSION}"],
            timeout_seconds=300,
            cwd=folder,
            # The checksum database may be out of reach; the file itself is pinned here.
            env={"GOFLAGS": "-mod=mod", "GOWORK": "off", "GONOSUMDB": MODULE},
        )
    except CommandFailedError as error:
        raise BinaryUnavailableError(f"{name}: {error}") from error
    return (Path(json.loads(answer)["Dir"]) / FOLDER / name).read_bytes()
