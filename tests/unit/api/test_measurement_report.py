"""A measurement through a termination message: a whole one, or none."""

from typing import Any

import pytest

from triton_operator.api.measurement_report import (
    MeasurementReport,
    decode_measurement,
    encode_measurement,
)
from triton_operator.api.model_profile import Measurement
from triton_operator.api.termination_message import TERMINATION_MESSAGE_LIMIT, UnreadableReport


def row(sizes: int) -> dict[str, Any]:
    return {
        "precision": "FP32",
        "engine": "onnxruntime",
        "hardware": {"cpu": "x" * 128, "tritonRelease": "26.09"},
        "latency": [{"batchSize": size + 1, "milliseconds": "1234.567"} for size in range(sizes)],
        "source": "Measured",
        "time": "2026-11-20T10:00:00Z",
    }


@pytest.mark.parametrize("sizes", [1, 32])
def test_the_largest_fits(sizes: int) -> None:
    report = MeasurementReport(measurement=Measurement.model_validate(row(sizes)))
    text = encode_measurement(report)

    assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    assert decode_measurement(text) == report


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "Traceback (most recent call last):",
        "zlib:!!!",
        '{"measurement": {"precision": "FP8"}}',
        '{"failure": {"reason": "no word", "message": ""}}',
        MeasurementReport(measurement=Measurement.model_validate(row(0))).model_dump_json(
            by_alias=True
        ),
    ],
)
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(UnreadableReport):
        decode_measurement(text)
