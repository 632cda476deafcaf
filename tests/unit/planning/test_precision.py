"""Precision: the model as it is stored, and never silently another one than asked for."""

from typing import NamedTuple

import pytest

from triton_operator.api.enums import ModelFormat, Precision, PrecisionMode
from triton_operator.api.inference_service import PrecisionSpec
from triton_operator.planning.precision import choose_precision


class Row(NamedTuple):
    mode: PrecisionMode
    honored: bool
    says: str


ROWS = [
    Row(PrecisionMode.AUTO, True, "no verified faster copy exists"),
    Row(PrecisionMode.FP32, True, "spec.precision.mode"),
    Row(PrecisionMode.FP16, False, "FP16 needs a converted and verified copy"),
    Row(PrecisionMode.BF16, False, "BF16 needs a converted and verified copy"),
    Row(PrecisionMode.INT8, False, "INT8 needs a converted and verified copy"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mode)
def test_choice(row: Row) -> None:
    choice = choose_precision(PrecisionSpec(mode=row.mode), ModelFormat.ONNX)

    assert choice.precision is Precision.FP32
    assert choice.honored is row.honored
    assert row.says in choice.reason


def test_every_mode_has_a_row() -> None:
    assert {row.mode for row in ROWS} == set(PrecisionMode)
