"""Specs drawn with a seed: the same ones wherever and whenever they are drawn from these sources.

Hypothesis also draws constants of those modules that are loaded, and which these are depends on
the tests that run. So it draws in a process of its own:

    python -m tests.api.drawn_specs SEED COUNT        # one JSON document: a list of specs
"""

import json
import os
import subprocess
import sys
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.api.operator_process import REPOSITORY
from tests.strategies import inference_service_specs


def drawn_specs(seed: int, count: int) -> list[dict[str, Any]]:
    """`count` valid specs of InferenceServices, one half with nearly all fields."""
    command = [sys.executable, "-m", "tests.api.drawn_specs", str(seed), str(count)]
    path = os.pathsep.join([str(REPOSITORY / "operator"), str(REPOSITORY)])
    drawn = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )
    specs: list[dict[str, Any]] = json.loads(drawn.stdout)
    return specs


def _draw(seed: int, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inference_service_specs(rich=True) | inference_service_specs())
    def collect(spec: dict[str, Any]) -> None:
        found.append(spec)

    collect()
    return found


if __name__ == "__main__":
    json.dump(_draw(*map(int, sys.argv[1:])), sys.stdout)
