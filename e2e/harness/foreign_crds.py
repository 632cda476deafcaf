"""Resource definitions of other projects: for tests of the objects that name their kinds.

From the repository at the pinned tag, or out of the Go module of the same version; pinned by sha256
either way, and cached.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import paths, releases
from e2e.harness.commands import run
from e2e.harness.errors import BinaryUnavailableError, CommandFailedError
from e2e.harness.progress import step


@dataclass(frozen=True)
class Source:
    """Where definitions are: `folder` of the Go `module`, and of the `repository` on GitHub.
    `digests`: sha256 by the kind's plural. `file`: how their files are called."""

    group: str
    module: str
    repository: str
    version: str
    folder: str
    digests: Mapping[str, str]
    file: str = "{group}_{plural}.yaml"


PROMETHEUS = Source(
    group="monitoring.coreos.com",
    module="github.com/prometheus-operator/prometheus-operator",
    repository="prometheus-operator/prometheus-operator",
    version="0.92.0",
    folder="example/prometheus-operator-crd",
    digests={
        "podmonitors": "1f7dec723dd75a6d926dbadaabba8827577b2eca864cf59ac51ee9ccc5adc6dc",
        "servicemonitors": "f11dee209f0a9f917ca781fb921969fb3c0dc710440eb77fa44ec7368d51f957",
    },
)
GATEWAY_API = Source(
    group="gateway.networking.k8s.io",
    module="sigs.k8s.io/gateway-api",
    repository="kubernetes-sigs/gateway-api",
    version="1.5.1",
    folder="config/crd/standard",
    digests={
        "httproutes": "682203b109baecb18d38073a578f7bc2c17d22fe9b0c27bf030850abe014c370",
        "grpcroutes": "979f4125d44d3df24659ba00d1d04ff8e76c45423193e8aae82dd5810d7827df",
        "backendtlspolicies": "9b8818172153d72f9c84032db0be0a4a657277d13f5bbc22226ad9481ff57971",
    },
)

EXTERNAL_DNS = Source(
    group="externaldns.k8s.io",
    module="sigs.k8s.io/external-dns",
    repository="kubernetes-sigs/external-dns",
    version="0.22.0",
    folder="config/crd/standard",
    digests={
        "dnsendpoints": "7d1c06b1e991c8db3a70be658fb628e61e71ba72f2686469c276f4f6ab0d1e30",
    },
    file="{plural}.{group}.yaml",
)
CLUSTER_INVENTORY = Source(
    group="multicluster.x-k8s.io",
    module="sigs.k8s.io/cluster-inventory-api",
    repository="kubernetes-sigs/cluster-inventory-api",
    version="0.1.0",
    folder="config/crd/bases",
    digests={
        "clusterprofiles": "6ff09e298672dac644e85926774e1e5f9768c8a2c94b36e54408f737e05bd1c6",
        "placementdecisions": "13574924760ffc6c3d565e34ddda23865960c8ec7c8e56b02aabfcd180ca194a",
    },
)


def foreign_crd(source: Source, plural: str) -> Path:
    """The file with the definition of a kind, such as `podmonitors`.

    Raises BinaryUnavailableError when it can be had from nowhere, or is another than the pinned.
    """
    name = source.file.format(group=source.group, plural=plural)
    cached = paths.cache_root() / "crds" / f"{source.version}-{name}"
    if cached.exists() and _digest(cached.read_bytes()) == source.digests[plural]:
        return cached
    with step(f"fetching the definition of {plural}"):
        data = _downloaded(source, name) or _from_module(source, name)
    if _digest(data) != source.digests[plural]:
        raise BinaryUnavailableError(
            f"{name} of {source.module} {source.version} is not the pinned one"
        )
    cached.parent.mkdir(parents=True, exist_ok=True)
    partial = cached.with_suffix(".partial")
    partial.write_bytes(data)
    partial.rename(cached)
    return cached


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _downloaded(source: Source, name: str) -> bytes | None:
    if releases.closed_because() is not None:
        return None
    try:
        return releases.fetch(
            f"https://raw.githubusercontent.com/{source.repository}/v{source.version}/"
            f"{source.folder}/{name}"
        )
    except BinaryUnavailableError:
        return None


def _from_module(source: Source, name: str) -> bytes:
    if shutil.which("go") is None:
        raise BinaryUnavailableError(f"{name}: no download here, and Go is not installed")
    folder = paths.build_dir("foreign-crds")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        answer = run(
            ["go", "mod", "download", "-json", f"{source.module}@v{source.version}"],
            timeout_seconds=300,
            cwd=folder,
            # The checksum database may be out of reach; the file itself is pinned here.
            env={"GOFLAGS": "-mod=mod", "GOWORK": "off", "GONOSUMDB": source.module},
        )
    except CommandFailedError as error:
        raise BinaryUnavailableError(f"{name}: {error}") from error
    return (Path(json.loads(answer)["Dir"]) / source.folder / name).read_bytes()
