"""Small answers of Triton's metrics endpoint, by its documented format."""

from collections.abc import Mapping

GPU = 'gpu_uuid="GPU-1f7c5f08",'


def cpu(
    success: float = 0,
    failures: Mapping[str, float] | None = None,
    pending: float | str = 0,
    *,
    model: str = "filetype",
    version: str = "1",
    within: Mapping[str, float] | None = None,
    p99: str | None = None,
    count: float | None = None,
    executions: float | None = None,
) -> str:
    """One set of labels, as on CPUs."""
    labels = f'model="{model}",version="{version}"'
    return _answered("", labels, success, count, executions, p99) + _live(
        labels, failures, pending, within
    )


def gpu(
    success: float = 0,
    failures: Mapping[str, float] | None = None,
    pending: float = 0,
    *,
    devices: int = 1,
    within: Mapping[str, float] | None = None,
) -> str:
    """Two sets of labels, as on GPUs: what is answered has the device, what is live has none."""
    labels = 'model="filetype",version="1"'
    answered = "".join(
        _answered(f'gpu_uuid="GPU-{device}",', labels, success / devices)
        for device in range(devices)
    )
    return answered + _live(labels, failures, pending, within)


def _answered(
    device: str,
    labels: str,
    success: float,
    count: float | None = None,
    executions: float | None = None,
    p99: str | None = None,
) -> str:
    count = success if count is None else count
    executions = count if executions is None else executions
    text = (
        "# HELP nv_inference_request_success Number of successful inference requests\n"
        "# TYPE nv_inference_request_success counter\n"
        f"nv_inference_request_success{{{device}{labels}}} {success}\n"
        f"nv_inference_count{{{device}{labels}}} {count}\n"
        f"nv_inference_exec_count{{{device}{labels}}} {executions}\n"
        f"nv_inference_request_duration_us{{{device}{labels}}} {success * 50_000:.6f}\n"
        f"nv_inference_queue_duration_us{{{device}{labels}}} {success * 10_000}\n"
        f"nv_inference_compute_input_duration_us{{{device}{labels}}} {success * 1_000}\n"
        f"nv_inference_compute_infer_duration_us{{{device}{labels}}} {success * 38_000}\n"
        f"nv_inference_compute_output_duration_us{{{device}{labels}}} {success * 1_000}\n"
    )
    if p99 is not None:
        text += (
            f'nv_inference_request_summary_us{{{device}{labels},quantile="0.5"}} 20000\n'
            f'nv_inference_request_summary_us{{{device}{labels},quantile="0.99"}} {p99}\n'
            f"nv_inference_request_summary_us_count{{{device}{labels}}} {success}\n"
        )
    return text


def _live(
    labels: str,
    failures: Mapping[str, float] | None,
    pending: float | str,
    within: Mapping[str, float] | None,
) -> str:
    reasons = {"OTHER": 0, "BACKEND": 0, "CANCELED": 0, "REJECTED": 0, **(failures or {})}
    text = "# TYPE nv_inference_request_failure counter\n"
    for reason, number in reasons.items():
        text += f'nv_inference_request_failure{{{labels},reason="{reason}"}} {number}\n'
    text += f"nv_inference_pending_request_count{{{labels}}} {pending}\n"
    if within is not None:
        name = "nv_inference_first_response_histogram_ms"
        for edge, number in within.items():
            text += f'{name}_bucket{{{labels},le="{edge}"}} {number}\n'
        text += f"{name}_sum{{{labels}}} 12345\n{name}_count{{{labels}}} {within['+Inf']}\n"
    return text
