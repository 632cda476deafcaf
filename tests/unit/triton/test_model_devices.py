"""What Triton's answer about a model's config tells of devices, and what it does not."""

from typing import Any, NamedTuple

import pytest

from triton_operator.triton.model_devices import (
    ModelDevices,
    deviation,
    is_telling,
    model_devices,
)


def answer(*groups: dict[str, Any]) -> ModelDevices:
    return model_devices({"name": "m", "instance_group": list(groups)})


class Row(NamedTuple):
    name: str
    devices: ModelDevices
    gpu: bool
    says: str | None
    accelerators: int = 1


ON_CPU = answer({"name": "m_0", "kind": "KIND_CPU", "count": 1, "gpus": []})
ON_GPU = answer({"name": "m_0", "kind": "KIND_GPU", "count": 1, "gpus": [0]})


@pytest.mark.parametrize(
    "row",
    [
        Row("CPU as planned", ON_CPU, False, None),
        Row("GPU as planned", ON_GPU, True, None),
        Row("fell back", ON_CPU, True, "runs on CPU (KIND_CPU), and a GPU was planned"),
        Row("found one", ON_GPU, False, "runs on a GPU (KIND_GPU), and CPU was planned"),
        Row("one of two", ON_GPU, True, "runs on 1 of 2 accelerators of its replica", 2),
        Row("both", answer({"kind": "KIND_GPU", "gpus": [0, 1]}), True, None, 2),
        Row(
            "in part",
            answer({"kind": "KIND_GPU", "gpus": [0]}, {"kind": "KIND_CPU"}),
            True,
            "runs on CPU (KIND_CPU), and a GPU was planned",
        ),
        Row("not said which", answer({"kind": "KIND_GPU"}), True, None, 2),
        Row("backend's choice", answer({"kind": "KIND_MODEL"}), True, None),
    ],
    ids=lambda row: row.name,
)
def test_deviation(row: Row) -> None:
    found = deviation(row.devices, gpu=row.gpu, accelerators=row.accelerators)

    assert found == row.says


@pytest.mark.parametrize(
    "config",
    [{}, {"instance_group": None}, {"instance_group": "KIND_CPU"}, {"instance_group": [1]}],
)
def test_an_answer_that_is_none(config: dict[str, Any]) -> None:
    devices = model_devices(config)

    assert devices.problem
    assert not is_telling(devices)
    assert deviation(devices, gpu=True, accelerators=1) is None


def test_only_the_two_kinds_tell() -> None:
    assert is_telling(ON_CPU)
    assert is_telling(ON_GPU)
    assert not is_telling(answer())
    assert not is_telling(answer({"kind": "KIND_MODEL"}))
