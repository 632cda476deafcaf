"""What Prometheus' API has in `data.result`, for tables of answers."""

from collections.abc import Mapping
from typing import Any

POD = {"namespace": "shop", "pod": "filetype-cpu-5d4f-abcde", "instance": "10.0.0.1:8002"}
SUCCESS = "nv_inference_request_success"
FAILURE = "nv_inference_request_failure"
PENDING = "nv_inference_pending_request_count"


def series(name: str, values: Mapping[float, Any], **labels: str) -> dict[str, Any]:
    """A series of the pod `POD`; `labels` change or (empty) drop its labels."""
    metric = {"__name__": name, "model": "filetype", "version": "1", "job": "pods", **POD, **labels}
    return {
        "metric": {label: value for label, value in metric.items() if value},
        "values": [[time, str(value)] for time, value in values.items()],
    }


def pod(
    values: Mapping[float, Any],
    pending: Mapping[float, Any] | None = None,
    failure: Mapping[float, Any] | None = None,
    **labels: str,
) -> list[dict[str, Any]]:
    """The series of one pod: successes, and what waits and failed (nothing, if not said)."""
    nothing = dict.fromkeys(values, 0)
    return [
        series(SUCCESS, values, gpu_uuid="GPU-1", **labels),
        series(FAILURE, nothing if failure is None else failure, reason="OTHER", **labels),
        series(PENDING, nothing if pending is None else pending, **labels),
    ]
