"""Official release downloads, checked against the sha256 that is published beside each file.

On a machine without open internet the first attempt fails in at most CONNECT_TIMEOUT_SECONDS, and
no other is made by this process.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import platform
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.errors import BinaryUnavailableError

CONNECT_TIMEOUT_SECONDS = 5.0
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

_closed_because: list[str] = []


@dataclass(frozen=True)
class Release:
    """Where one tool's release is: `member` is its path in a tar.gz, empty for a bare binary."""

    url: str
    checksum_url: str
    member: str = ""


def release_of(tool: str, version: str, machine: str | None = None) -> Release | None:
    """The release of `tool` for Linux on this machine's processor; None when there is none we can
    check.
    """
    arch = MACHINES.get(machine or platform.machine())
    if arch is None:
        return None
    github = "https://github.com"
    if tool.startswith("kube-") or tool in ("kubelet", "kubectl"):
        url = f"https://dl.k8s.io/v{version}/bin/linux/{arch}/{tool}"
        return Release(url, url + ".sha256")
    if tool == "etcd":
        folder = f"{github}/etcd-io/etcd/releases/download/v{version}"
        name = f"etcd-v{version}-linux-{arch}"
        return Release(f"{folder}/{name}.tar.gz", f"{folder}/SHA256SUMS", f"{name}/etcd")
    if tool == "coredns":
        url = (
            f"{github}/coredns/coredns/releases/download/v{version}/"
            f"coredns_{version}_linux_{arch}.tgz"
        )
        return Release(url, url + ".sha256", "coredns")
    if tool == "helm":
        url = f"https://get.helm.sh/helm-v{version}-linux-{arch}.tar.gz"
        return Release(url, url + ".sha256sum", f"linux-{arch}/helm")
    if tool == "kubeconform":
        folder = f"{github}/yannh/kubeconform/releases/download/v{version}"
        url = f"{folder}/kubeconform-linux-{arch}.tar.gz"
        return Release(url, f"{folder}/CHECKSUMS", "kubeconform")
    if tool == "kind":
        url = f"{github}/kubernetes-sigs/kind/releases/download/v{version}/kind-linux-{arch}"
        return Release(url, url + ".sha256sum")
    return None


def checksum_in(listing: str, file_name: str) -> str | None:
    """The sha256 of `file_name` in a `.sha256` file: a bare digest, or lines of `digest  name`."""
    lines = [line.split() for line in listing.splitlines() if line.strip()]
    for words in lines:
        if len(words) > 1 and words[-1].lstrip("*").removeprefix("./") == file_name:
            return words[0].lower()
    if len(lines) == 1 and len(lines[0]) == 1:
        return lines[0][0].lower()
    return None


def closed_because() -> str | None:
    """Why downloads cannot work on this machine, once one has failed to connect; else None."""
    return _closed_because[0] if _closed_because else None


def download(release: Release, target: Path) -> None:
    """Fetch, verify and install a release atomically at `target`. Raises BinaryUnavailableError."""
    if _closed_because:
        raise BinaryUnavailableError(f"no open internet ({_closed_because[0]})")
    name = release.url.rpartition("/")[2]
    expected = checksum_in(fetch(release.checksum_url).decode(errors="replace"), name)
    if expected is None:
        raise BinaryUnavailableError(f"{release.checksum_url} names no checksum for {name}")
    data = fetch(release.url)
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise BinaryUnavailableError(f"{release.url}: sha256 is {actual}, published is {expected}")
    if release.member:
        data = _member(data, release)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.chmod(0o755)
    partial.rename(target)


def fetch(url: str) -> bytes:
    """The body at `url`. Raises BinaryUnavailableError."""
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        raise BinaryUnavailableError(f"{url}: HTTP {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = str(getattr(error, "reason", error))
        _closed_because.append(reason)
        raise BinaryUnavailableError(f"{url}: {reason}") from error


def _member(archive: bytes, release: Release) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            found = tar.extractfile(release.member)
            if found is not None:
                return found.read()
    except (tarfile.TarError, KeyError) as error:
        raise BinaryUnavailableError(
            f"{release.url}: no {release.member} in it: {error}"
        ) from error
    raise BinaryUnavailableError(f"{release.url}: {release.member} is no file")
