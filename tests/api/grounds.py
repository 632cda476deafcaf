"""What exists where specs are tried out: models, pools, accounts. Drawn specs name others.

`grounded` puts names of these in their place. A spec that names something that is not there is
refused or waits, and that has tests of its own.
"""

import copy
import random
from typing import Any

from tests.api import model_facts
from tests.api.operator_process import CPU_IMAGE, GPU_IMAGE
from tests.unit.planning.repositories import repository_facts
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import DECLARED_FORMATS
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.planning.chosen_model import chosen_model
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import PoolDefaults, known_pools
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.support import unsupported
from triton_operator.triton.releases import NEWEST

Spec = dict[str, Any]

POOLS: dict[str, Spec] = {
    "cpu": {"cost": {"perReplicaHour": "1"}},
    "other": {"cost": {"perReplicaHour": "9"}},
    "gpu": {"accelerator": {"resource": "nvidia.com/gpu"}, "cost": {"perReplicaHour": "10"}},
    "mig": {"accelerator": {"resource": "nvidia.com/mig-1g.10gb"}},
}
NEEDED = {"TensorRT": "GPU", "OpenVINO": "CPU"}
"""What a format runs on."""
SERVICE_ACCOUNTS = ("models", "registry-reader")
PRIORITY_CLASSES = ("online", "batch")
OF_A_FLEET = ("managedBy", "placement")
MOST_REPLICAS = 3
"""Pods cost time here, and a thousand of them show nothing that three do not."""


def _models() -> dict[str, ModelFacts]:
    facts = [
        model_facts.facts(1),
        model_facts.facts(
            2,
            inputs=[{"name": "image", "datatype": "FP32", "shape": [1, 3, 8]}],
            outputs=[{"name": "boxes", "datatype": "FP32", "shape": [1, 4]}],
            batchable=False,
        ),
        repository_facts(),
        *(
            model_facts.facts(number, format=name, inputs=[], outputs=[], batchable=False)
            for number, name in enumerate(DECLARED_FORMATS, 4)
        ),
    ]
    return {model_facts.digest(number): one for number, one in enumerate(facts, 1)}


MODELS = _models()
"""Facts by digest: two ONNX models, a repository, and a file of each format that is declared."""
_DEFAULTS = PoolDefaults(CPU_IMAGE, str(NEWEST), GPU_IMAGE, str(NEWEST))
_KNOWN_POOLS = known_pools(
    {name: ServingPoolSpec.model_validate(spec) for name, spec in POOLS.items()}, [], _DEFAULTS
)


def grounded(spec: Spec, chance: random.Random) -> Spec:
    """The spec with names of what there is, and few replicas; not one of a fleet's, of which
    nothing is made here."""
    spec = {name: copy.deepcopy(part) for name, part in spec.items() if name not in OF_A_FLEET}
    format_ = _known(spec["model"], chance)
    for variant in spec.get("variants", ()):
        _known(variant["model"], chance)
    hardware = spec.get("hardware", {})
    if "pools" in hardware:
        wanted = NEEDED.get(format_, hardware.get("accelerator", "Any"))
        pools = [name for name, pool in POOLS.items() if wanted in ("Any", _kind(pool))]
        hardware["pools"] = chance.sample(pools, chance.randint(1, len(pools)))
    runtime = spec.get("runtime", {})
    if "serviceAccountName" in runtime:
        runtime["serviceAccountName"] = chance.choice(SERVICE_ACCOUNTS)
    if "priorityClassName" in runtime:
        runtime["priorityClassName"] = chance.choice(PRIORITY_CLASSES)
    scaling = spec.get("scaling", {})
    if "minReplicas" in scaling:
        scaling["minReplicas"] = chance.randint(0, MOST_REPLICAS)
    if "maxReplicas" in scaling:
        least = max(1, scaling.get("minReplicas", 1))
        fixed = scaling.get("mode") == "Fixed"
        scaling |= {"minReplicas": least} if fixed else {}
        scaling["maxReplicas"] = least if fixed else chance.randint(least, MOST_REPLICAS + 1)
    return spec


def _known(model: Spec, chance: random.Random) -> str:
    """Makes it one of those that were inspected already; its format."""
    format_: str = model.get("format", "ONNX")
    model["digest"] = chance.choice([key for key, one in MODELS.items() if one.format == format_])
    if "entryModel" in model:
        repository = next(one.repository for one in MODELS.values() if one.repository)
        model["entryModel"] = chance.choice([row.name for row in repository.models])
    return format_


def _kind(pool: Spec) -> str:
    return "GPU" if "accelerator" in pool else "CPU"


def is_planned(spec: Spec) -> bool:
    """Whether there is a plan for a valid spec on these grounds."""
    parsed = InferenceServiceSpec.model_validate(spec)
    facts = MODELS.get(parsed.model.digest or "")
    if facts is None or unsupported(parsed.model):
        return False
    chosen = chosen_model(parsed.model, facts, allow_code=True)
    if isinstance(chosen, Refusal):
        return False
    return isinstance(plan_service(parsed, chosen, _KNOWN_POOLS), Plan)
