"""Inputs made up from a model's digest: the same for everybody, and no evidence of accuracy.

They show that a converted model runs and does not overflow at once. What they are, by type:

- floats: normally distributed around 0, standard deviation 1, as after the usual normalisation;
- UINT8: 0 to 255, as pixels;
- other integers: 0 or 1, which are valid token ids, masks and segment ids of any model;
- BOOL: either;
- text: nothing plausible can be made up.

A dynamic axis other than the batch has length 64 in inputs with four axes or more, as in images,
and 16 elsewhere.
"""

from collections.abc import Sequence

import numpy as np

from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.sample_rows import NUMPY_TYPES, Array, Samples, checked_samples

SPATIAL_LENGTH = 64
OTHER_LENGTH = 16


def generated_samples(digest: str, inputs: Sequence[Tensor], rows: int) -> Samples:
    """`rows` rows, rounded up to whole batches; the same for the same digest and inputs.

    Raises:
        WorkFailed: `SamplesRequired`, for text and for BF16.
    """
    seed = int(digest.removeprefix("sha256:")[:16], 16)
    # PCG64 by name: NumPy may change what default_rng means.
    source = np.random.Generator(np.random.PCG64(seed))
    step = max((tensor.shape[0] for tensor in inputs if tensor.shape), default=1)
    if all(tensor.shape and tensor.shape[0] == step for tensor in inputs) and step > 1:
        rows = -(-rows // step) * step
    else:
        step = 1
    arrays = {tensor.name: _made_up(source, tensor, rows, step) for tensor in inputs}
    return checked_samples(arrays, inputs, generated=True)


def _made_up(source: np.random.Generator, tensor: Tensor, rows: int, step: int) -> Array:
    dynamic = SPATIAL_LENGTH if len(tensor.shape) >= 4 else OTHER_LENGTH
    lengths = [dynamic if length < 0 else length for length in tensor.shape]
    has_batch = bool(tensor.shape) and tensor.shape[0] in (-1, step)
    shape = [rows, *lengths[1:]] if has_batch else [rows, *lengths]
    wanted = NUMPY_TYPES.get(tensor.datatype)
    if wanted is None or wanted is np.object_:
        raise WorkFailed(
            reasons.SAMPLES_REQUIRED,
            f"input '{tensor.name}' is {tensor.datatype}, for which nothing plausible can be made "
            "up; give samples of real inputs",
        )
    if np.issubdtype(wanted, np.floating):
        made = np.empty(shape, wanted)
        for row in range(len(made)):
            # Made in FP64: only one row at a time is. The stream of numbers is the same.
            made[row] = source.standard_normal(made.shape[1:])
        return made
    return source.integers(0, 256 if wanted is np.uint8 else 2, shape).astype(wanted)
