"""Runs the real `helm` on the chart and gives back what it renders."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from e2e.harness.binaries import ensure

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "triton-operator"
VALUES = Path(__file__).parent / "values"
RELEASE = "triton-operator"
NAMESPACE = "triton-system"

Object = dict[str, Any]

VALUE_FILES: dict[str, tuple[Path, ...]] = {
    "defaults": (),
    "namespaced": (VALUES / "namespaced.yaml",),
    "every value": (VALUES / "every-value.yaml",),
}
"""Name → values files of the settings under which everything is rendered."""


def helm(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm with an own, empty home. Never raises: the caller looks at `returncode`."""
    with tempfile.TemporaryDirectory() as home:
        homes = {f"HELM_{kind}_HOME": home for kind in ("CACHE", "CONFIG", "DATA")}
        return subprocess.run(
            [str(ensure("helm")), *arguments],
            input=stdin,
            env={**os.environ, **homes},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def template(
    values: Sequence[Path] = (), settings: Sequence[str] = (), chart: Path = CHART
) -> subprocess.CompletedProcess[str]:
    """`helm template` with values files and `--set` settings; what `helm test` makes included."""
    files = [part for path in values for part in ("--values", str(path))]
    sets = [part for setting in settings for part in ("--set", setting)]
    return helm("template", RELEASE, str(chart), "--namespace", NAMESPACE, *files, *sets)


@cache
def rendered_text(values: tuple[Path, ...] = (), settings: tuple[str, ...] = ()) -> str:
    """The YAML that helm renders, tests included.

    Raises AssertionError with helm's message when it refuses.
    """
    answer = template(values, settings)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def rendered(values: tuple[Path, ...] = (), settings: tuple[str, ...] = ()) -> list[Object]:
    """The objects that are installed."""
    return [one for one in _all(values, settings) if not _is_test(one)]


def rendered_test(values: tuple[Path, ...] = (), settings: tuple[str, ...] = ()) -> list[Object]:
    """The objects that `helm test` makes."""
    return [one for one in _all(values, settings) if _is_test(one)]


def _all(values: tuple[Path, ...], settings: tuple[str, ...]) -> list[Object]:
    return [one for one in yaml.safe_load_all(rendered_text(values, settings)) if one]


def _is_test(one: Object) -> bool:
    return (one["metadata"].get("annotations") or {}).get("helm.sh/hook") == "test"


def only(objects: list[Object], kind: str) -> Object:
    """The one object of `kind`."""
    (found,) = [one for one in objects if one["kind"] == kind]
    return found
