"""Which copies of a model in other precisions are wanted, and not known yet."""

from collections.abc import Mapping, Sequence

from triton_operator.api.enums import MeasurementMode, ModelFormat, Precision, PrecisionMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.planning.plan import PoolPlan


def wanted_precisions(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    row: PoolPlan,
    known: Sequence[Conversion],
    tool_versions: Mapping[str, str],
) -> tuple[Precision, ...]:
    """The precisions for which a Job should convert and compare now, for that row's pool.

    With `spec.model.samples` a row settles it only if it names the samples' digest.
    """
    if facts.format is not ModelFormat.ONNX:
        return ()
    return tuple(
        precision
        for precision in _asked(spec, gpu=row.pool.is_gpu)
        if not any(
            one.precision is precision
            and dict(one.tool_versions) == dict(tool_versions)
            and (spec.model.samples is None or one.samples_digest is not None)
            for one in known
        )
    )


def _asked(spec: InferenceServiceSpec, *, gpu: bool) -> tuple[Precision, ...]:
    if spec.precision.mode in (PrecisionMode.FP16, PrecisionMode.INT8):
        return (Precision(spec.precision.mode.value),)
    auto = (
        spec.precision.mode is PrecisionMode.AUTO
        and spec.measurement.mode is MeasurementMode.IF_UNKNOWN
        and spec.model.samples is not None
    )
    return (Precision.INT8,) if auto and not gpu else ()
