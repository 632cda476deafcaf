"""Static INT8: Q/DQ nodes, symmetric signed 8 bits, weights per channel, ranges by calibration."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnx import ModelProto, save_model
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    create_calibrator,
    quantize_static,
)
from onnxruntime.quantization.calibrate import CalibraterBase, TensorsData, save_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process

from triton_operator.model.conversion.activation_ranges import decoded, encoded
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
    "ranges": "bfloat16, rounded up",
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


def prepared(model: ModelProto, work_dir: Path, *, large: bool) -> Path:
    """The model as a file that can be calibrated and quantised; with `large`, weights beside it."""
    plain, path = work_dir / "plain.onnx", work_dir / "prepared.onnx"
    # As a file: of a model in memory it takes even the shapes out, and cannot infer any more.
    save_model(model, plain, save_as_external_data=large, location="plain.data")
    # Folds BatchNormalization into Conv, which Q/DQ nodes between them would prevent for good.
    quant_pre_process(
        plain,
        path,
        # Needs sympy, and adds nothing to ONNX' own inference on such nets.
        skip_symbolic_shape=True,
        save_as_external_data=large,
        all_tensors_to_one_file=True,
        external_data_location="prepared.data",
    )
    return path


def calibrated(path: Path, rows: Samples, work_dir: Path, *, large: bool) -> str:
    """The ranges of activations on these rows, see `activation_ranges`."""
    calibrator = create_calibrator(
        path,
        list(OPERATORS),
        augmented_model_path=str(work_dir / "augmented.onnx"),
        calibrate_method=CalibrationMethod.MinMax,
        use_external_data_format=large,
    )
    calibrator.collect_data(_Rows(rows))
    return encoded(
        {
            name: float(max(np.max(np.abs(one.lowest)), np.max(np.abs(one.highest))))
            for name, one in calibrator.compute_data().items()
        }
    )


def quantize_statically(
    path: Path, into: Path, ranges: str, work_dir: Path, *, large: bool
) -> None:
    """Write the quantised model to `into`. What it becomes depends on these arguments only.

    Raises:
        WorkFailed: `InvalidArguments`: the ranges are those of another model.
    """
    loaded = CalibraterBase(path, list(OPERATORS))
    names, _ = loaded.select_tensors_to_calibrate(loaded.model)
    kept = work_dir / "ranges.json"
    found = {
        name: (np.float32(-size), np.float32(size)) for name, size in decoded(ranges, names).items()
    }
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, found), kept)
    quantize_static(
        path,
        into,
        # In the place of rows to calibrate with.
        calibration_cache_path=kept,
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
