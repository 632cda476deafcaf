"""Where the harness keeps things: nothing is ever written into the repository."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def _xdg(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification says that relative values are to be ignored.
    base = Path(value) if value.startswith("/") else Path.home() / default
    return base / "triton-operator"


def cache_root() -> Path:
    """Folder for what may be deleted at any time and costs only time to make again."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_root() -> Path:
    """Folder for what describes running clusters: process records, data, logs."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def bin_dir() -> Path:
    """Cached tools, each named `<tool>-<version>`."""
    return cache_root() / "bin"


def build_dir(name: str) -> Path:
    """Scratch module in which `name` is built with Go."""
    return cache_root() / "build" / name


def image_dir() -> Path:
    """Cached image archives."""
    return cache_root() / "images"
