"""What was run, on disk: a second benchmark repeats nothing of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FORMAT = 2
"""Of what is kept; another number makes everything new."""


def run_key(**decides: Any) -> str:
    """A name for what depends on these values and on nothing else."""
    text = json.dumps({"format": _FORMAT, **decides}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Runs:
    """A folder of results by key. `fresh`: what is there is made anew once, and replaced."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder = folder
        self._fresh = fresh
        self._made: set[str] = set()

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was kept; None: nothing, or nothing that can be read."""
        if self._fresh and key not in self._made:
            return None
        try:
            found: Mapping[str, Any] = json.loads(self._path(key).read_text())
        except (OSError, ValueError):
            return None
        return found

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep it; complete or not at all."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(value))
        partial.rename(path)
        self._made.add(key)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
