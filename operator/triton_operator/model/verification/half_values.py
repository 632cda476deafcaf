"""Values between the nodes of an FP16 model, to see overflows that a CPU hides.

ONNX Runtime has few FP16 kernels for CPUs: it computes in FP32 and leaves out casts between nodes,
so a value beyond 65,504 would pass here, and be infinite on a GPU. A value that is an output of the
graph has to have its type: made outputs, all FP16 values show what they would be.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto

from triton_operator.model.conversion.skeleton import inferred_values, skeleton
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.sample_rows import Array, Feeds
from triton_operator.model.structure import parsed


@dataclass
class HalfValues:
    """Which values to look at, and the runs in which some of them were not finite."""

    names: Sequence[str]
    suspects: list[tuple[Feeds, frozenset[str]]] = field(default_factory=list)

    def look(self, feeds: Feeds, values: Sequence[Array]) -> None:
        """Note what is NaN or infinite in one run."""
        found = frozenset(
            name
            for name, array in zip(self.names, values, strict=True)
            if not np.isfinite(array).all()
        )
        if found:
            self.suspects.append((feeds, found))


def half_values(path: Path) -> HalfValues:
    """Values of the model that are FP16, in the order of its nodes; none for other models."""
    model = parsed(path, InspectionLimits())
    outputs = {value.name for value in model.graph.output}
    return HalfValues([name for name in _types(model, TensorProto.FLOAT16) if name not in outputs])


def overflow_runs(reference: Path, found: HalfValues) -> Mapping[str, int]:
    """By value, in how many runs it is not finite although it is in the FP32 model.

    A value that the FP32 model does not have under that name counts as finite there.

    Raises:
        ModelRefused: `ModelDoesNotRun`.
    """
    if not found.suspects:
        return {}
    model = parsed(reference, InspectionLimits())
    outputs = {value.name for value in model.graph.output}
    wanted = frozenset().union(*(names for _, names in found.suspects)) - outputs
    exposed = [name for name in _types(model, TensorProto.FLOAT) if name in wanted]
    session = OnnxSession(reference, name="the FP32 model", exposed=exposed)
    counts: Counter[str] = Counter()
    for feeds, names in found.suspects:
        values = session.run(feeds)[len(session.outputs) :] if exposed else []
        same = {
            name
            for name, array in zip(exposed, values, strict=True)
            if not np.isfinite(array).all()
        }
        # Not beside those of the next run.
        del values
        counts.update(names - same)
    # The first to overflow takes all that follow with it, so it is told first.
    return {name: counts[name] for name in found.names if counts[name]}


def _types(model: ModelProto, wanted: int) -> list[str]:
    """Values of the main graph that have this element type, where it can be inferred."""
    known = {
        value.name
        for value in inferred_values(skeleton(model))
        if value.type.tensor_type.elem_type == wanted
    }
    return [name for node in model.graph.node for name in node.output if name in known]
