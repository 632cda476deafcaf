"""Models whose batch is fixed at 1, and their copies that take any: when one is in question, and
what is known of a model that runs as such a copy.

The copy is the same in precision and weights, so it is looked for where the precision is FP32
anyway. Clients see nothing of it: a request has one row before and after.
"""

from __future__ import annotations

from triton_operator.api.enums import BatchingMode, MeasurementMode, ModelFormat, PrecisionMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.api.tensors import Tensor

_IN_FP32 = (PrecisionMode.AUTO, PrecisionMode.FP32)


def is_fixed_at_one(facts: ModelFacts) -> bool:
    """Whether a conversion would take the model at all."""
    tensors = (*facts.inputs, *facts.outputs)
    return (
        facts.format is ModelFormat.ONNX
        and facts.repository is None
        and not facts.batchable
        and bool(tensors)
        and all(one.shape[:1] == [1] for one in tensors)
    )


def may_be_rebatched(spec: InferenceServiceSpec, facts: ModelFacts) -> bool:
    """Whether the service leaves the batch size to the plan, and the precision at FP32."""
    return (
        is_fixed_at_one(facts)
        and spec.precision.mode in _IN_FP32
        and spec.batching.mode is BatchingMode.AUTO
        and spec.batching.max_batch_size != 1
    )


def seeks_copies(spec: InferenceServiceSpec) -> bool:
    """Whether Jobs may be started for copies that nobody has named: that takes the leave to measure
    and real samples, as a copy is of no use without either."""
    return spec.measurement.mode is MeasurementMode.IF_UNKNOWN and spec.model.samples is not None


def how_to_rebatch(spec: InferenceServiceSpec, facts: ModelFacts) -> str | None:
    """What the spec lacks for a copy to be looked for; None: nothing, or no batch is wanted."""
    batching = spec.batching
    if not is_fixed_at_one(facts) or batching.mode is not BatchingMode.AUTO:
        return None
    missing = {
        "spec.precision.mode Auto or FP32": spec.precision.mode in _IN_FP32,
        "spec.measurement.mode IfUnknown": spec.measurement.mode is MeasurementMode.IF_UNKNOWN,
        "spec.model.samples": spec.model.samples is not None,
    }
    words = [name for name, there in missing.items() if not there]
    if not words or batching.max_batch_size == 1:
        return None
    return f"the operator looks for a copy that takes any batch with {', '.join(words)}"


def as_served(facts: ModelFacts, copy: Conversion | None) -> ModelFacts:
    """The model's facts with the batch axis that the copy has; None, and any other copy: as it is
    stored."""
    if copy is None or not copy.rebatched or facts.batchable:
        return facts
    return facts.model_copy(
        update={
            "inputs": [_of_any_length(one) for one in facts.inputs],
            "outputs": [_of_any_length(one) for one in facts.outputs],
            "batchable": True,
            "reason": "its copy DynamicBatch has a batch axis",
        }
    )


def _of_any_length(tensor: Tensor) -> Tensor:
    return tensor.model_copy(update={"shape": [-1, *tensor.shape[1:]]})
