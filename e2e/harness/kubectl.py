"""kubectl bound to one kubeconfig."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from e2e.harness.binaries import ensure
from e2e.harness.commands import run

Object = Mapping[str, Any]


class Kubectl:
    """Runs kubectl; every method raises CommandFailedError with kubectl's own words."""

    def __init__(self, kubeconfig: Path) -> None:
        self._argv: list[str | Path] = [ensure("kubectl"), "--kubeconfig", kubeconfig]

    def __call__(self, *words: str, stdin: str | None = None, timeout_seconds: float = 60) -> str:
        """Stdout of `kubectl words…`."""
        return run([*self._argv, *words], stdin=stdin, timeout_seconds=timeout_seconds)

    def json(self, *words: str) -> Any:
        """Decoded output of `kubectl words… -o json`."""
        return json.loads(self(*words, "-o", "json"))

    def apply(self, objects: Iterable[Object]) -> None:
        """Server-side apply of all objects under the field manager `e2e-harness`."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        flags = ("--server-side", "--force-conflicts", "--field-manager=e2e-harness", "-f", "-")
        self("apply", *flags, stdin=json.dumps(document))
