"""Shapes of tensors as Triton sees them: with its batch axis apart."""

from collections.abc import Sequence

from triton_operator.api.tensors import Tensor


def item_shape(tensor: Tensor, max_batch_size: int) -> list[int]:
    """Shape of one item: without the batch axis where Triton has one."""
    return tensor.shape[1:] if max_batch_size > 0 else tensor.shape


def tensor_problem(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], max_batch_size: int
) -> str | None:
    """Why Triton would refuse these shapes at load, and what to do; None where it takes them."""
    for tensor in (*inputs, *outputs):
        if problem := _problem(tensor.shape, max_batch_size):
            return f"tensor {tensor.name} of shape {tensor.shape} {problem}"
    return None


def _problem(shape: Sequence[int], max_batch_size: int) -> str | None:
    if max_batch_size > 0 and (not shape or shape[0] != -1):
        return (
            f"has no batch axis of any length, but max_batch_size is {max_batch_size}: "
            "serve it without batching"
        )
    if not shape:
        return (
            "is a scalar, which Triton serves only per item of a batch: "
            "export the model with an axis of length 1 instead"
        )
    if any(axis == 0 or axis < -1 for axis in shape):
        return "has an axis of impossible length: lengths are positive, or -1 for any"
    return None
