"""The plan of a model that is known, from everything that was observed beside it."""

from collections.abc import Collection, Sequence

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.status import CountedDrift
from triton_operator.controllers.counted_drift import ratios
from triton_operator.controllers.model_resolution import Resolution
from triton_operator.controllers.observed import Observed
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.refusal import Refusal


def resolved_plan(
    observed: Observed,
    spec: InferenceServiceSpec,
    resolution: Resolution,
    counted: Sequence[CountedDrift],
    pools_in_use: Collection[str] = (),
) -> Plan | Refusal | None:
    """How `spec` is served with its model as `resolution` has it; None: its facts are not known."""
    if resolution.facts is None:
        return None
    # Not those of the model before it, whose digest is in the status still.
    digest = resolution.digest or ""
    return plan_service(
        spec,
        resolution.facts,
        observed.pools,
        pools_in_use,
        observed.measurements.get(digest, ()),
        observed.conversions.get(digest, ()),
        observed.tool_versions,
        ratios(observed, digest, counted),
    )
