"""What a measurement becomes in a ModelProfile, and which CPU it says it is of."""

from dataclasses import replace

import pytest

from triton_operator.api.enums import MeasurementEnd, MeasurementSource, Precision
from triton_operator.api.model_profile import Measurement, PoolHardware
from triton_operator.model.measurement.cpu_model import cpu_model, this_cpu
from triton_operator.model.measurement.measured import (
    Circumstances,
    Measured,
    SizeMeasured,
    decimal_text,
    measurement,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00033541, "0.0003354"),
        (8.5, "8.5"),
        (12.0, "12"),
        (1530.4, "1530"),
        (123456.0, "123500"),
        (1e-9, "0.000000001"),
    ],
)
def test_numbers_have_no_exponent(value: float, text: str) -> None:
    assert decimal_text(value) == text


def test_a_row_of_a_profile() -> None:
    size = SizeMeasured(
        batch_size=4,
        seconds=0.0123456,
        client_seconds=0.02,
        client_p99_seconds=0.03,
        executions=9,
        narrow=True,
    )
    around = Circumstances(
        precision=Precision.FP32,
        engine="onnxruntime",
        hardware=PoolHardware(cpu="EPYC", triton_release="26.09"),
        instances=2,
        threads=4,
        samples_digest="sha256:" + "ef" * 32,
        time="2026-11-20T10:00:00Z",
        memory_bytes=503 * 2**20 + 1,
    )
    found = measurement(Measured((size,), "why", 118.239, 16, MeasurementEnd.BUDGET), around)

    assert found.wire() == {
        "precision": "FP32",
        "engine": "onnxruntime",
        "hardware": {"cpu": "EPYC", "tritonRelease": "26.09"},
        "instances": 2,
        "threads": 4,
        "latency": [{"batchSize": 4, "milliseconds": "12.35"}],
        "ended": "Budget",
        "throughput": "118.2",
        "memory": "504Mi",
        "samplesDigest": "sha256:" + "ef" * 32,
        "source": MeasurementSource.MEASURED,
        "time": "2026-11-20T10:00:00Z",
    }
    assert Measurement.model_validate(found.wire()) == found
    several = measurement(Measured((size,), "why", 118.239, 16), replace(around, devices=2))
    assert several.throughput is None, "a row is of a replica with one accelerator"
    assert several.latency == found.latency
    of_copy = replace(around, method="DynamicBatch")
    assert measurement(Measured((size,), "why", 118.239, 16), of_copy).rebatched
    assert not found.rebatched
    unseen = measurement(Measured((size,), "why", 118.239, 16), replace(around, memory_bytes=None))
    assert unseen.memory is None


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel name\t: Intel(R)  Xeon(R) @ 2.0GHz\nflags : a b\n" * 2,
         "Intel(R) Xeon(R) @ 2.0GHz"),
        ("processor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n", "ARM 0x41 0xd0c"),
        ("Model : Raspberry Pi 4\n", "Raspberry Pi 4"),
        ("model name : " + "x" * 500, "x" * 128),
        ("model name :\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_which_cpu(text: str, model: str | None) -> None:
    assert cpu_model(text) == model


def test_this_machine_has_one() -> None:
    assert this_cpu()
