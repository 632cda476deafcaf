"""What `explain` says of the number of replicas: what it is, what bounds it, and why."""

from collections.abc import Iterable, Mapping
from typing import Any

from triton_operator.api.enums import MetricsFreshness, ScalingMode
from triton_operator.api.inference_service import DEFAULT_MAX_REPLICAS
from triton_operator.controllers.traffic_wish import pods_aside
from triton_operator.controllers.views import PodView

NAMES_SHOWN = 8

_SOURCES: Mapping[str, str] = {
    "histogram": "counted in Triton's histograms",
    "summary": "estimated from Triton's summaries",
    "model": "computed from the service curve",
}
_FRESHNESS: Mapping[str, str] = {
    MetricsFreshness.PARTIAL: "only some replicas tell theirs, so none is removed",
    MetricsFreshness.STALE: "nothing new for some seconds, so none is removed",
    MetricsFreshness.LOST: "nothing for a minute, so the most replicas of the last quarter of an "
    "hour stay",
}


def replica_lines(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[str, ...]:
    """Lines about the number of replicas; none where the status says nothing about them.

    Both are as they come from the API server, maybe of another version of the operator: what is
    missing or of another kind is passed over.
    """
    if "desiredReplicas" not in status:
        return ()
    seen = _mapping(status.get("autoscaling"))
    lines = [_count(_mapping(spec.get("scaling")), status), *_reasons(seen), *_change(seen)]
    rate = _word(seen.get("arrivalsPerSecond"))
    safe = _word(seen.get("safeRatePerReplica"))
    waiting = _word(seen.get("waitingRequests"))
    demand = [f"{rate} requests/s come in"] if rate else []
    demand += [f"{waiting} wait"] if waiting else []
    demand += [f"one replica keeps the objective up to {safe}/s"] if safe else []
    lines += [", ".join(demand)] if demand else []
    if attainment := _word(seen.get("attainmentPercent")):
        source = _SOURCES.get(str(seen.get("latencySource")), "")
        lines.append(
            f"{attainment} % of the last five minutes' requests within the objective"
            f"{f', {source}' if source else ''}"
        )
    if (failed := _word(seen.get("failedRequests"))) not in ("", "0"):
        of = _word(seen.get("recentRequests")) or "?"
        lines.append(f"{failed} of the last five minutes' {of} requests failed")
    if seconds := _word(seen.get("coldStartSeconds")):
        lines.append(f"a new replica is ready after {seconds} s")
    if metrics := _word(seen.get("metrics")):
        says = _FRESHNESS.get(metrics, "")
        lines.append(f"metrics: {metrics}{f': {says}' if says else ''}")
    return tuple(lines)


def aside_lines(pods: Iterable[PodView]) -> tuple[str, ...]:
    """A line about the pods that get no new requests, if there are any."""
    names = [pod.name for pod in pods_aside(pods)]
    if not names:
        return ()
    shown = ", ".join(sorted(names)[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return (
        f"{len(names)} pod{' gets' if len(names) == 1 else 's get'} no new requests until "
        f"{'its' if len(names) == 1 else 'their'} queue is short: {shown}{more}",
    )


def _count(scaling: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    ready = _word(status.get("readyReplicas")) or "0"
    return f"{ready} ready, {_word(status['desiredReplicas']) or '?'} wanted; {_bounds(scaling)}"


def _bounds(scaling: Mapping[str, Any]) -> str:
    mode = scaling.get("mode")
    least = scaling.get("minReplicas")
    least = least if isinstance(least, int) else 1
    if mode == ScalingMode.EXTERNAL:
        return "somebody else sets the number (spec.scaling.mode External)"
    if mode == ScalingMode.FIXED:
        return f"always {least} (spec.scaling.mode Fixed)"
    most = _word(scaling.get("maxReplicas")) or str(max(least, DEFAULT_MAX_REPLICAS))
    return f"allowed are {least} to {most}"


def _reasons(seen: Mapping[str, Any]) -> list[str]:
    found = seen.get("reasons")
    told = filter(None, map(_word, found)) if isinstance(found, list) else ()
    # What goes on from a reason, or is known of the load beside it, is none of its own.
    return [f"{'and' if number else 'because'} {one}" for number, one in enumerate(told)]


def _change(seen: Mapping[str, Any]) -> list[str]:
    last = _mapping(seen.get("lastDecision"))
    before, after = _word(last.get("from")), _word(last.get("to"))
    if not before or not after:
        return []
    time, why = _word(last.get("time")), _word(last.get("reason"))
    when = f" at {time}" if time else ""
    return [f"last change{when}: {before} -> {after}{f': {why}' if why else ''}"]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _word(value: Any) -> str:
    """A text or a number as it is written; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
