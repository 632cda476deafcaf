"""Which requests Triton sends to itself before a model counts as ready."""

from collections.abc import Sequence

from triton_operator.api.tensors import Tensor
from triton_operator.triton.datatypes import STRING
from triton_operator.triton.tensor_shapes import item_shape


def warm_up_batch_sizes(inputs: Sequence[Tensor], max_batch_size: int) -> tuple[int, ...]:
    """Batch sizes to run once with zeros: the smallest and the largest; none if no input is safe.

    The first run of a shape is slow (memory is allocated, kernels are chosen), and no client should
    pay for it. Skipped where an axis besides the batch may have any length: many models refuse
    length 1, a long one may not fit into memory, and Triton refuses a model whose warm-up fails.
    Skipped for strings too: an empty one is no valid value for most models.
    """
    axes = [axis for tensor in inputs for axis in item_shape(tensor, max_batch_size)]
    if any(axis < 1 for axis in axes) or any(tensor.datatype == STRING for tensor in inputs):
        return ()
    return (1, max_batch_size) if max_batch_size > 1 else (1,)
