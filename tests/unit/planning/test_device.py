"""Models that need a kind of hardware get it, or a refusal before a pod starts."""

from typing import Any

import pytest

from tests.unit.planning.building import facts, gpu_pool, pool, spec
from tests.unit.planning.repositories import repository_facts, row
from triton_operator.api.enums import ModelFormat
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import RepositoryDevice
from triton_operator.planning.device import usable_pools
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.refusal import Refusal

PLAN = facts(format=ModelFormat.TENSORRT)
IR = facts(format=ModelFormat.OPENVINO)
ON_GPU = repository_facts(row("a", "onnxruntime", device=RepositoryDevice.GPU))
BOTH = [pool("cpu"), gpu_pool("l4")]


@pytest.mark.parametrize(
    ("known", "names"),
    [(PLAN, ["l4"]), (IR, ["cpu"]), (ON_GPU, ["l4"]), (facts(), ["cpu", "l4"])],
)
def test_pools_that_can_run_the_model(known: ModelFacts, names: list[str]) -> None:
    found = usable_pools(known, spec().hardware, BOTH)

    assert not isinstance(found, Refusal)
    assert [one.name for one in found] == names


@pytest.mark.parametrize(
    ("known", "hardware", "pools", "reason", "says"),
    [
        (PLAN, {"accelerator": "CPU"}, BOTH, "ModelNeedsGPU", "spec.hardware.accelerator is CPU"),
        (PLAN, {"pools": ["cpu"]}, BOTH, "ModelNeedsGPU", "spec.hardware.pools names cpu"),
        (PLAN, {}, [pool("cpu")], "ModelNeedsGPU", "pools are cpu (CPU)"),
        (ON_GPU, {}, [pool("cpu")], "ModelNeedsGPU", "model a of the repository asks for KIND_GPU"),
        (IR, {"accelerator": "GPU"}, BOTH, "ModelNeedsCPU", "OpenVINO backend runs on CPUs"),
        (IR, {"pools": ["l4"]}, BOTH, "ModelNeedsCPU", "spec.hardware.pools names l4"),
    ],
)
def test_the_wrong_hardware_is_refused_early(
    known: ModelFacts, hardware: dict[str, Any], pools: Any, reason: str, says: str
) -> None:
    refusal = plan_service(spec(hardware=hardware), known, pools)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert says in refusal.message


def test_the_plan_says_why_only_these_pools() -> None:
    made = plan_service(spec(), PLAN, BOTH)

    assert isinstance(made, Plan)
    assert made.pools[0].pool.name == "l4"
    assert any("GPU pools only" in reason for reason in made.pools[0].reasons)
