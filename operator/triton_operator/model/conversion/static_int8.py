"""Static INT8: Q/DQ nodes, symmetric signed 8 bits, weights per channel, ranges by calibration."""

from collections.abc import Iterator
from pathlib import Path

from onnx import ModelProto, save_model
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from triton_operator.model.sample_rows import Feeds, Samples

OPERATORS = (
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Pad",
    "Relu",
    "Reshape",
    "Resize",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
"""What convolutional nets are made of. Softmax, Sigmoid and normalisations stay FP32: they are
cheap, and eight bits of them cost accuracy. Sorted, since the order of a set changes the bytes."""

PARAMETERS = {
    "activations": "S8",
    "calibration": "MinMax",
    "format": "QDQ",
    "operators": list(OPERATORS),
    "perChannel": True,
    "symmetricActivations": True,
    "weights": "S8",
}

MOST_ROWS = 128
"""Rows to calibrate with: ranges of more hardly differ, and each costs a run of the model."""


def calibration_rows(samples: Samples) -> slice:
    """Every second run, up to `MOST_ROWS`: the others are left to verify with.

    A model that takes single rows; with a fixed batch, `rows_per_run` is more than one and halves
    are taken instead.
    """
    step = samples.rows_per_run
    if step == 1:
        return slice(0, 2 * MOST_ROWS, 2)
    return slice(0, max(1, samples.rows // step // 2) * step)


def held_out_rows(samples: Samples) -> slice:
    """Rows that calibration never saw; may be none."""
    step = samples.rows_per_run
    if step == 1:
        return slice(1, None, 2)
    return slice(calibration_rows(samples).stop, None)


def quantize_statically(
    model: ModelProto, into: Path, samples: Samples, work_dir: Path, *, large: bool
) -> None:
    """Write the quantised model to `into`; with `large`, its weights go into a file beside it."""
    plain, prepared = work_dir / "plain.onnx", work_dir / "prepared.onnx"
    # As a file: of a model in memory it takes even the shapes out, and cannot infer any more.
    save_model(model, plain, save_as_external_data=large, location="plain.data")
    # Folds BatchNormalization into Conv, which Q/DQ nodes between them would prevent for good.
    quant_pre_process(
        plain,
        prepared,
        # Needs sympy, and adds nothing to ONNX' own inference on such nets.
        skip_symbolic_shape=True,
        save_as_external_data=large,
        all_tensors_to_one_file=True,
        external_data_location="prepared.data",
    )
    quantize_static(
        prepared,
        into,
        _Rows(samples.chosen(calibration_rows(samples))),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(OPERATORS),
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        use_external_data_format=large,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
    )


class _Rows(CalibrationDataReader):  # type: ignore[misc]  # untyped
    """Samples, one run after another."""

    def __init__(self, samples: Samples) -> None:
        self._left: Iterator[Feeds] = samples.runs()

    def get_next(self) -> Feeds | None:
        """The next run's inputs, or None after the last."""
        return next(self._left, None)
