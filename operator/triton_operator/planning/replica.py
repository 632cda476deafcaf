"""What one replica of a service is on one pool, before anybody asks whether a node can take it."""

from dataclasses import dataclass

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.planning.batching import BatchChoice, choose_batching
from triton_operator.planning.compute import ComputeChoice, choose_compute
from triton_operator.planning.fit import ReplicaNeed
from triton_operator.planning.memory import MemoryChoice, choose_memory
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal
from triton_operator.triton.datatypes import UnknownDatatype, config_type
from triton_operator.triton.releases import image_architectures
from triton_operator.triton.tensor_shapes import tensor_problem

MODEL_NOT_SERVABLE = "ModelNotServable"


@dataclass(frozen=True)
class Replica:
    """Batch, CPU, memory and accelerators of one replica."""

    batch: BatchChoice
    compute: ComputeChoice
    memory: MemoryChoice
    accelerators: int
    image: str

    @property
    def need(self) -> ReplicaNeed:
        """What a node has to have for it."""
        return ReplicaNeed(
            self.compute.request_millicores,
            self.memory.memory_bytes,
            self.accelerators,
            image_architectures(self.image),
        )


def size_replica(spec: InferenceServiceSpec, facts: ModelFacts, pool: Pool) -> Replica | Refusal:
    """The replica that the spec, the model and the pool's own words make, on this pool."""
    batch = choose_batching(spec.batching, facts, gpu=pool.is_gpu)
    if isinstance(batch, Refusal):
        return batch
    if refusal := _unservable(facts, batch):
        return refusal
    accelerators = _accelerators(spec, pool)
    compute = choose_compute(spec.hardware.resources, pool.replica_resources, gpu=pool.is_gpu)
    memory = choose_memory(
        spec.hardware.resources,
        pool.replica_resources,
        facts,
        # Triton starts the instances once per device.
        instances=compute.instances * max(1, accelerators),
        max_batch_size=batch.max_batch_size,
        gpu=pool.is_gpu,
    )
    return Replica(batch, compute, memory, accelerators, spec.runtime.image or pool.image)


def _accelerators(spec: InferenceServiceSpec, pool: Pool) -> int:
    if not pool.is_gpu:
        return 0
    return spec.hardware.accelerators_per_replica or pool.accelerators_per_replica


def _unservable(facts: ModelFacts, batch: BatchChoice) -> Refusal | None:
    """What Triton would refuse at load, said before a pod starts."""
    try:
        for tensor in (*facts.inputs, *facts.outputs):
            config_type(tensor.datatype)
    except UnknownDatatype as error:
        return Refusal(MODEL_NOT_SERVABLE, f"spec.model: {error}")
    if problem := tensor_problem(facts.inputs, facts.outputs, batch.max_batch_size):
        return Refusal(MODEL_NOT_SERVABLE, f"spec.model: {problem}")
    return None
