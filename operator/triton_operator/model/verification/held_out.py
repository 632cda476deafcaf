"""Rows to verify a model with, that its calibration has not seen."""

from triton_operator.model import reasons
from triton_operator.model.conversion.record import Recipe
from triton_operator.model.conversion.static_int8 import held_out_rows
from triton_operator.model.errors import WorkFailed
from triton_operator.model.sample_rows import Samples


def rows_to_verify(samples: Samples, recipe: Recipe | None) -> tuple[Samples, str | None]:
    """The rows of `samples` to compare on, and a note if they are not all.

    On the rows that its ranges came from, a model looks better than it is.

    Raises:
        WorkFailed: `SamplesRequired`, if calibration took them all.
    """
    calibration = recipe.calibration if recipe else None
    if samples.generated or calibration is None or calibration.samples_digest != samples.digest:
        return samples, None
    left = samples.chosen(held_out_rows(samples))
    if left.rows == 0:
        raise WorkFailed(
            reasons.SAMPLES_REQUIRED,
            f"all {samples.rows} rows were used to calibrate the model; give other ones to verify",
        )
    return left, (
        f"{left.rows} of {samples.rows} rows: the others were taken to calibrate the model"
    )
