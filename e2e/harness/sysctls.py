"""Kernel settings that kubelet, kube-proxy and the CNI plugins change, remembered and put back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path("/proc/sys")

CHANGED = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


def read() -> dict[str, str]:
    """Setting (a path below /proc/sys) → its value; settings this kernel lacks are left out."""
    found = {}
    for name in CHANGED:
        with contextlib.suppress(OSError):
            found[name] = (ROOT / name).read_text().strip()
    return found


def restore(before: Mapping[str, str]) -> None:
    """Write back values that differ; a setting we may not write was not changed by us either."""
    now = read()
    for name, value in before.items():
        if now.get(name) != value:
            with contextlib.suppress(OSError):
                (ROOT / name).write_text(value)
