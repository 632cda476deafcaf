"""Builds tools from Go modules: only Go and its module proxy are needed.

Kubernetes cannot be `go install`ed (its go.mod replaces the staging modules by folders), nor KEDA
(its go.mod replaces a module), and etcd's server module has no main package; they get a scratch
module of ours. Go's build cache makes a
second build a matter of seconds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import paths, versions
from e2e.harness.commands import run, stream
from e2e.harness.errors import BinaryUnavailableError
from e2e.harness.lock import exclusive
from e2e.harness.progress import step

BUILD_TIMEOUT_SECONDS = 3600.0
TIDY_TIMEOUT_SECONDS = 900.0

INSTALLABLE = {
    "coredns": "github.com/coredns/coredns",
    "fake-gcs-server": "github.com/fsouza/fake-gcs-server",
    "helm": "helm.sh/helm/v4/cmd/helm",
    "kind": "sigs.k8s.io/kind",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "minio": "github.com/minio/minio",
    "registry": "github.com/distribution/distribution/v3/cmd/registry",
}
"""Tools that `go install` builds as they stand → package path."""

ETCD_MAIN = """package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
"""

_STAGING = re.compile(r"^\s+(k8s\.io/[a-z0-9-]+) => \./staging", re.MULTILINE)
KEDA_MODULE = "github.com/kedacore/keda/v2"

_REPLACED = re.compile(r"^replace \S+(?: v\S+)? => \S+ v\S+$", re.MULTILINE)
_GO_VERSION = re.compile(r"^go (\S+)", re.MULTILINE)


def build(tool: str, version: str, target: Path) -> None:
    """Build `tool` and install it atomically at `target`. Raises BinaryUnavailableError,
    CommandFailedError.
    """
    if shutil.which("go") is None:
        raise BinaryUnavailableError(
            "Go is not installed (apt-get install golang, or https://go.dev/dl)"
        )
    kubernetes = tool in versions.KUBERNETES_TOOLS
    shared = "kubernetes" if kubernetes else "keda" if tool in versions.KEDA_COMMANDS else tool
    folder = paths.build_dir(shared)
    folder.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".lock", f"building {tool}", BUILD_TIMEOUT_SECONDS):
        if target.exists():
            return
        out = folder / "bin" / tool
        if kubernetes:
            _kubernetes_module(folder, version)
            stamp = f"-X k8s.io/component-base/version.gitVersion=v{version}"
            # Without the stamp the server calls itself v0.0.0 and clients misbehave.
            flags = ["-ldflags", f"-s -w {stamp}"]
            _go(tool, folder, "build", *flags, "-o", out, f"k8s.io/kubernetes/cmd/{tool}")
        elif tool in versions.KEDA_COMMANDS:
            _keda_module(folder, version)
            command = f"{KEDA_MODULE}/cmd/{versions.KEDA_COMMANDS[tool]}"
            _go(tool, folder, "build", "-ldflags", "-s -w", "-o", out, command)
        elif tool == "etcd":
            _etcd_module(folder, version)
            _go(tool, folder, "build", "-ldflags", "-s -w", "-o", out, ".")
        else:
            _go(tool, folder, "install", f"{INSTALLABLE[tool]}@v{version}")
        _install(out, target)


def kubernetes_go_mod(upstream: str, version: str) -> str:
    """The scratch module's go.mod, from the go.mod of k8s.io/kubernetes.

    Every staging module (k8s.io/X v0.Y.Z for Kubernetes v1.Y.Z) is replaced by its published
    release.
    """
    go = _GO_VERSION.search(upstream)
    staging = sorted(set(_STAGING.findall(upstream)))
    if go is None or not staging:
        raise BinaryUnavailableError(f"go.mod of k8s.io/kubernetes v{version} is not as expected")
    release = "0." + version.partition(".")[2]
    replaced = "".join(f"\t{module} => {module} v{release}\n" for module in staging)
    return (
        f"module controlplane\n\ngo {go[1]}\n\nrequire k8s.io/kubernetes v{version}\n\n"
        f"replace (\n{replaced})\n"
    )


def _kubernetes_module(folder: Path, version: str) -> None:
    go_mod = folder / "go.mod"
    if go_mod.exists() and f"k8s.io/kubernetes v{version}\n" in go_mod.read_text():
        return
    with step(f"reading the module of Kubernetes {version}"):
        upstream = (downloaded("k8s.io/kubernetes", version, folder).go_mod).read_text()
        commands = [f"k8s.io/kubernetes/cmd/{tool}" for tool in versions.KUBERNETES_TOOLS]
        _commands_of(folder, commands, kubernetes_go_mod(upstream, version))


def keda_go_mod(upstream: str, version: str) -> str:
    """The scratch module's go.mod, from KEDA's own: its replacements hold only in a main module."""
    go = _GO_VERSION.search(upstream)
    if go is None:
        raise BinaryUnavailableError(f"go.mod of {KEDA_MODULE} v{version} is not as expected")
    replaced = "".join(f"{line}\n" for line in _REPLACED.findall(upstream))
    return f"module keda\n\ngo {go[1]}\n\nrequire {KEDA_MODULE} v{version}\n\n{replaced}"


def _keda_module(folder: Path, version: str) -> None:
    go_mod = folder / "go.mod"
    if go_mod.exists() and f"{KEDA_MODULE} v{version}\n" in go_mod.read_text():
        return
    with step(f"reading the module of KEDA {version}"):
        upstream = downloaded(KEDA_MODULE, version, folder).go_mod.read_text()
        commands = [f"{KEDA_MODULE}/cmd/{name}" for name in versions.KEDA_COMMANDS.values()]
        _commands_of(folder, commands, keda_go_mod(upstream, version))


@dataclass(frozen=True)
class Downloaded:
    """A module in Go's cache: its go.mod, and the folder of its files."""

    go_mod: Path
    folder: Path


def downloaded(module: str, version: str, scratch: Path) -> Downloaded:
    """The module at this version. Raises CommandFailedError."""
    answer = run(
        ["go", "mod", "download", "-json", f"{module}@v{version}"],
        timeout_seconds=TIDY_TIMEOUT_SECONDS,
        cwd=scratch,
        # Outside of any module: a go.mod of another version must not be consulted.
        env={"GOFLAGS": "-mod=mod", "GOWORK": "off", "GO111MODULE": "on"},
    )
    found = json.loads(answer)
    return Downloaded(Path(found["GoMod"]), Path(found["Dir"]))


def _commands_of(folder: Path, packages: Sequence[str], go_mod_text: str) -> None:
    """A module in `folder` that imports the main packages of others, so that they are its own."""
    imports = "".join(f'\t_ "{package}"\n' for package in packages)
    (folder / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\nimport (\n{imports})\n")
    (folder / "go.sum").unlink(missing_ok=True)
    _tidied(folder, go_mod_text, "-e")


def _etcd_module(folder: Path, version: str) -> None:
    go_mod = folder / "go.mod"
    if go_mod.exists() and f"go.etcd.io/etcd/server/v3 v{version}\n" in go_mod.read_text():
        return
    with step(f"reading the module of etcd {version}"):
        (folder / "main.go").write_text(ETCD_MAIN)
        text = f"module etcd\n\ngo 1.24\n\nrequire go.etcd.io/etcd/server/v3 v{version}\n"
        _tidied(folder, text)


def _tidied(folder: Path, go_mod_text: str, *flags: str) -> None:
    """Write go.mod and complete it; on failure leave none, so that the next run starts over."""
    go_mod = folder / "go.mod"
    go_mod.write_text(go_mod_text)
    try:
        run(
            ["go", "mod", "tidy", *flags],
            timeout_seconds=TIDY_TIMEOUT_SECONDS,
            cwd=folder,
            env={"GOFLAGS": "-mod=mod", "GOWORK": "off"},
        )
    except BaseException:
        go_mod.unlink()
        raise


def _go(tool: str, folder: Path, *words: str | Path) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    with step(
        f"building {tool} {versions.TOOLS[tool]} from Go modules (minutes the first time)"
    ) as s:
        stream(
            ["nice", "go", *words],
            timeout_seconds=BUILD_TIMEOUT_SECONDS,
            log=folder / f"{tool}.log",
            on_line=s.detail,
            cwd=folder,
            env={"GOFLAGS": "-mod=mod", "GOWORK": "off", "GOBIN": str(folder / "bin")},
        )


def _install(built: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    os.link(built, partial)
    partial.rename(target)
    built.unlink()
