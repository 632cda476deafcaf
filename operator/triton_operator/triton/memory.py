"""Host memory of one replica, estimated before anything is measured.

    CPU: 512 MiB + instances x (2 x weights + batch x activations)
    GPU: 2 GiB   + 2 x weights + instances x batch x activations

Every instance copies the weights. Measured with ONNX Runtime 1.23 on a CPU, one thread: a 381 MiB
MLP peaks at 1.25 x its weights while loading and stays at 1.07 x; ResNet-50 with folded constants
stays at 2.6 x its 97 MiB; Triton itself takes 38 MiB, the Python stub 60 MiB; a 3 MiB classifier
adds 3.2 MiB for each item of the batch, though its tensors have 9 KiB (hence the floor). On GPUs
the weights pass through host memory one instance at a time, and CUDA's libraries and the pinned
pool (256 MiB) stay.

An estimate too low ends in an OOM kill, one too high in an idle gigabyte: where in doubt, more.
"""

from math import prod

from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.triton.datatypes import STRING, size_of
from triton_operator.triton.tensor_shapes import item_shape

MIB = 2**20
CPU_BASE_BYTES = 512 * MIB
GPU_BASE_BYTES = 2048 * MIB
WEIGHT_COPIES = 2
ACTIVATIONS_PER_IO = 32
"""Peak of the tensors inside a model, as a multiple of those at its ends (CNNs: up to about 30)."""
ACTIVATIONS_FLOOR_BYTES = 16 * MIB
"""Per item: embeddings make much of little input."""
UNKNOWN_AXIS = 512
"""Length assumed for an axis of any length: a text of tokens, a side of a picture."""
STRING_BYTES = 64
MODEL_BYTES = 128 * MIB
"""For each further model of a repository: a Python model's process takes 60 to 75 MiB before it
imports anything of its own."""
FP32_BYTES = 4
ROUNDING_BYTES = 64 * MIB


def replica_memory_bytes(
    facts: ModelFacts, *, instances: int, max_batch_size: int, gpu: bool
) -> int:
    """Bytes of host memory for one pod, a multiple of 64 MiB. `max_batch_size` is Triton's."""
    weights = weight_bytes(facts)
    ends = sum(item_bytes(tensor, max_batch_size) for tensor in (*facts.inputs, *facts.outputs))
    activations = max(ACTIVATIONS_PER_IO * ends, ACTIVATIONS_FLOOR_BYTES)
    per_instance = max(1, max_batch_size) * activations
    if gpu:
        total = GPU_BASE_BYTES + WEIGHT_COPIES * weights + instances * per_instance
    else:
        total = CPU_BASE_BYTES + instances * (WEIGHT_COPIES * weights + per_instance)
    if facts.repository is not None:
        total += MODEL_BYTES * (len(facts.repository.models) - 1)
    return round_up(total)


def round_up(count: int) -> int:
    """Bytes up to the next multiple of 64 MiB."""
    return -(-count // ROUNDING_BYTES) * ROUNDING_BYTES


def weight_bytes(facts: ModelFacts) -> int:
    """Bytes of the weights in memory: the files', unless they are too few for the parameters.

    No precision has less than half a byte per parameter, so a smaller file holds constants that
    are written as formulas and become FP32 when loaded.
    """
    parameters = facts.parameter_count or 0
    if facts.size_bytes < parameters // 2:
        return FP32_BYTES * parameters
    return facts.size_bytes


def item_bytes(tensor: Tensor, max_batch_size: int) -> int:
    """Bytes of one item's tensor; lengths and strings of unknown size as assumed above.

    Raises:
        UnknownDatatype: Triton has no such type.
    """
    axes = [UNKNOWN_AXIS if axis < 0 else axis for axis in item_shape(tensor, max_batch_size)]
    value = STRING_BYTES if tensor.datatype == STRING else size_of(tensor.datatype)
    return prod(axes) * value
