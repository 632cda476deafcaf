"""Which CPU this is, by the words of its kernel."""

from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
_LIMIT = 128
_KEYS = ("model name", "Model", "cpu model")
"""x86, some ARM boards, some others."""
_ARM_KEYS = ("CPU implementer", "CPU part")
"""Most ARM servers tell only these numbers, which name the core."""


def cpu_model(text: str) -> str | None:
    """The model in the text of /proc/cpuinfo, at most 128 characters; None: it tells none."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), " ".join(value.split()))
    for key in _KEYS:
        if found.get(key):
            return found[key][:_LIMIT]
    parts = [found[key] for key in _ARM_KEYS if found.get(key)]
    return f"ARM {' '.join(parts)}"[:_LIMIT] if parts else None


def this_cpu() -> str | None:
    """The CPU of this machine; None where its kernel does not tell."""
    try:
        return cpu_model(CPU_INFO.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
