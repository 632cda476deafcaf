"""The iptables chains that kube-proxy, kubelet and the CNI plugins make, and their removal.

None of these programs removes all of its own: the kubelet's canary chains stay, and the CNI
plugins' stay when pods are not deleted one by one.
"""

from __future__ import annotations

import os
import re

from e2e.harness import apt
from e2e.harness.commands import run

PREFIXES = ("KUBE-", "CNI-")
FAMILIES = ("iptables", "ip6tables")

_TARGET = re.compile(r"(?:^| )(?:-j|-g) (\S+)")


def chains_in(saved: str) -> set[str]:
    """`table chain` of every chain with one of PREFIXES in the output of iptables-save."""
    found, table = set(), ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain = line[1:].split()[0]
            if chain.startswith(PREFIXES):
                found.add(f"{table} {chain}")
    return found


def removal_script(saved: str, keep: set[str]) -> str:
    """Input for `iptables-restore --noflush` that removes what `chains_in` finds, except `keep`.

    Rules of other chains that jump to a removed one go too. Empty when there is nothing to do.
    """
    doomed = chains_in(saved) - keep
    rules: dict[str, list[str]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            chain = line.split()[1]
            target = _TARGET.search(line)
            if f"{table} {chain}" not in doomed and target and f"{table} {target[1]}" in doomed:
                rules.setdefault(table, []).append("-D" + line[2:])
    script = []
    for name in sorted({entry.split()[0] for entry in doomed}):
        chains = sorted(e.split()[1] for e in doomed if e.split()[0] == name)
        script += [f"*{name}", *(f":{chain} - [0:0]" for chain in chains)]
        script += [*rules.get(name, []), *(f"-X {chain}" for chain in chains), "COMMIT"]
    return "\n".join(script) + "\n" if script else ""


def chains() -> dict[str, set[str]]:
    """Family (`iptables`, `ip6tables`) → its chains now; empty without the command or root."""
    if os.geteuid() != 0 or apt.find("iptables") is None:
        return {}
    return {family: chains_in(run([f"{family}-save"])) for family in FAMILIES}


def remove(keep: dict[str, set[str]]) -> None:
    """Remove all such chains but those that were there before us."""
    for family in FAMILIES:
        script = removal_script(run([f"{family}-save"]), keep.get(family, set()))
        if script:
            run([f"{family}-restore", "--noflush"], stdin=script)
