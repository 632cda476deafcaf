"""Installs the Debian packages whose commands the native cluster, images and tests call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from e2e.harness.commands import run, stream
from e2e.harness.errors import BinaryUnavailableError, CommandFailedError, NotPermittedError
from e2e.harness.paths import state_root
from e2e.harness.progress import say, step

INSTALL_TIMEOUT_SECONDS = 900.0

PACKAGE_OF = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "openssl": "openssl",
    "node": "nodejs",
    "npm": "npm",
    "prometheus": "prometheus",
}
"""Command (or file) → Debian package that brings it."""

SERVICES = {"containerd": "containerd.service", "prometheus": "prometheus.service"}
"""Packages that would start a system service of their own when installed."""

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin")


def find(command: str) -> Path | None:
    """Where a command is. PATH gets the system's folders first: `su` leaves the sbin ones out."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    missing = [folder for folder in SYSTEM_FOLDERS if folder not in path]
    if missing:
        os.environ["PATH"] = os.pathsep.join([*path, *missing])
    found = shutil.which(command)
    return Path(found) if found else None


def ensure_commands(commands: Iterable[str]) -> None:
    """Install the packages of those `commands` (keys of PACKAGE_OF) that are missing.

    Raises NotPermittedError when something is missing and we are not root, BinaryUnavailableError
    on a system without apt-get, CommandFailedError when apt-get fails.
    """
    missing = sorted({PACKAGE_OF[command] for command in commands if find(command) is None})
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise BinaryUnavailableError(f"this system has no apt-get; install these yourself: {names}")
    if os.geteuid() != 0:
        raise NotPermittedError(f"missing Debian packages; as root: apt-get install {names}")
    log = state_root() / "apt.log"
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing Debian packages {names}") as s:
        try:
            stream(
                ["apt-get", "update"],
                timeout_seconds=INSTALL_TIMEOUT_SECONDS,
                log=log,
                on_line=s.detail,
                env=env,
            )
        except CommandFailedError as error:
            # One unreachable third-party source must not stop us: Debian's own lists may be fine.
            say(f"! apt-get update failed, going on with the lists there are ({error})")
        stream(
            ["apt-get", "install", "-y", "--no-install-recommends", *missing],
            timeout_seconds=INSTALL_TIMEOUT_SECONDS,
            log=log,
            on_line=s.detail,
            env=env,
        )
        _stop_services(missing)


def _stop_services(packages: Iterable[str]) -> None:
    """We run components ourselves; a service that only we brought must not stay behind."""
    if not Path("/run/systemd/system").exists():
        return
    for package in packages:
        if package in SERVICES:
            run(["systemctl", "disable", "--now", SERVICES[package]], timeout_seconds=60)
