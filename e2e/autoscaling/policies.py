"""Who scales, and how: what the service says, and what KEDA is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from e2e.emulated_model import NAME
from e2e.harness.errors import HarnessError

LEAST, MOST = 2, 16
OBJECTIVE_MILLISECONDS = 250
KINDS = "ours, ours-reject, keda-rps:38, keda-arrivals:38, keda-queue:20ms, static:12"


@dataclass(frozen=True)
class Trigger:
    """KEDA's: a query that its HorizontalPodAutoscaler compares with `threshold` for each replica,
    or, with `metric_type` Value, as it is.
    """

    query: str
    threshold: float
    metric_type: str = "AverageValue"


@dataclass(frozen=True)
class Policy:
    """`rejects`: requests that are too late anyway are refused."""

    name: str
    scaling: dict[str, Any]
    trigger: Trigger | None = None
    rejects: bool = False

    @property
    def label(self) -> str:
        """Its name as a key."""
        return self.name.replace(":", "_").replace("-", "_")


def policy(name: str, namespace: str) -> Policy:
    """The policy of that name. Raises HarnessError."""
    kind, _, setting = name.partition(":")
    auto = {"mode": "Auto", "minReplicas": LEAST, "maxReplicas": MOST}
    if kind in ("ours", "ours-reject") and not setting:
        return Policy(name, auto, rejects=kind == "ours-reject")
    try:
        value = float(setting.removesuffix("ms"))
    except ValueError:
        raise HarnessError(f"{name!r} is no policy; there are {KINDS}") from None
    if kind == "static":
        return Policy(name, {"mode": "Fixed", "minReplicas": int(value)})
    if trigger := _trigger(kind, value, f'namespace="{namespace}",model="{NAME}"'):
        return Policy(name, {"mode": "External"}, trigger)
    raise HarnessError(f"{name!r} is no policy; there are {KINDS}")


def _trigger(kind: str, value: float, chosen: str) -> Trigger | None:
    answers = f"sum(rate(nv_inference_request_success{{{chosen}}}[1m]))"
    if kind == "keda-rps":
        return Trigger(answers, value)
    if kind == "keda-arrivals":
        failures = f"sum(rate(nv_inference_request_failure{{{chosen}}}[1m]))"
        growth = f"sum(deriv(nv_inference_pending_request_count{{{chosen}}}[1m]))"
        return Trigger(f"{answers} + {failures} + {growth}", value)
    if kind == "keda-queue":
        queued = f"sum(rate(nv_inference_queue_duration_us{{{chosen}}}[30s]))"
        answered = f"sum(rate(nv_inference_request_success{{{chosen}}}[30s]))"
        return Trigger(f"{queued} / clamp_min({answered}, 0.1) / 1000", value, "Value")
    return None
