"""What the pod of a measuring Job says, and how much of it is believed. Pure."""

import re
from dataclasses import replace

from triton_operator.api import reasons
from triton_operator.api.conditions import shortened
from triton_operator.api.enums import MeasurementSource
from triton_operator.api.inspection import Failure
from triton_operator.api.measurement_report import decode_measurement
from triton_operator.api.model_profile import Measurement, ModelFacts, PoolHardware
from triton_operator.api.termination_message import UnreadableReport
from triton_operator.controllers.last_words import is_refused_model, telling_lines
from triton_operator.controllers.pod_problems import known_problem
from triton_operator.controllers.side_jobs import lost, unsaid
from triton_operator.controllers.views import JobView, PodView
from triton_operator.manifests.triton_container import SERVING_CONTAINER
from triton_operator.planning.measurements import engine_of
from triton_operator.planning.plan import PoolPlan
from triton_operator.planning.quantities import memory_quantity, size_bytes

MODEL_NOT_LOADED = "ModelNotLoaded"
"""In the time that there was for it."""
_PASSING = re.compile(r"bad_alloc|memory|allocat|busy|stream", re.IGNORECASE)
"""Words of errors for want of something that others use now."""
_UNSAID = frozenset({MODEL_NOT_LOADED, "TritonUnreachable"})
"""What the container beside Triton cannot know the cause of; Triton's own last words do."""


def answer_of(job: JobView, pod: PodView | None, message: str) -> Measurement | Failure:
    """What the Job's pod says, or why it says nothing."""
    if not message:
        return unsaid(job, pod, reasons.MEASUREMENT_FAILED)
    nothing = lost(job, reasons.MEASUREMENT_FAILED)
    try:
        report = decode_measurement(message)
    except UnreadableReport as error:
        return nothing.model_copy(update={"message": f"{nothing.message}; {error}"})
    if report.measurement is not None:
        return report.measurement
    failure = report.failure or nothing
    if failure.reason in _UNSAID and pod and (words := _last_words_of_triton(pod)):
        return words
    return failure


def _last_words_of_triton(pod: PodView) -> Failure | None:
    """Why Triton ended before it was told to: the sidecar's end before its present one."""
    found = [
        replace(one, exit_code=None, terminated_reason="", terminated_message="", ready=False)
        for one in pod.containers
        if one.name == SERVING_CONTAINER and one.last_exit_code is not None
    ]
    problem = known_problem(replace(pod, containers=tuple(found))) if found else None
    return Failure(reason=problem.reason, message=problem.message) if problem else None


def trusted(
    said: Measurement, facts: ModelFacts, ran: PoolPlan, job: JobView, *, sampled: bool
) -> Measurement:
    """The numbers are the Job's; what they are of, the operator knows itself: `ran` is what it ran,
    `sampled`: on samples.

    Raises:
        ValueError: it is no measurement that a profile takes.
    """
    if said.ended is None or (sampled and said.samples_digest is None):
        # It would leave something to find out, and so again and again.
        unsaid = "why it ended" if said.ended is None else "on which samples"
        raise ValueError(f"it does not say {unsaid}; let Jobs use the image of the operator")
    row = said.model_copy(
        update={
            "precision": ran.precision,
            "method": _method(ran),
            "engine": engine_of(facts, ran.engine),
            "hardware": PoolHardware(
                product=ran.pool.product,
                cpu=None if ran.pool.is_gpu else said.hardware.cpu,
                triton_release=str(ran.release),
            ),
            "instances": ran.instances,
            "threads": ran.threads,
            "memory": _within_limit(said.memory, ran),
            "agreement": None,
            "copy_digest": ran.copy.digest if ran.copy else None,
            "samples_digest": said.samples_digest if sampled else None,
            "source": MeasurementSource.MEASURED,
            "time": job.finished or said.time,
        }
    )
    return Measurement.model_validate(row.wire())


def _method(ran: PoolPlan) -> str | None:
    """What a profile says of it beside the precision."""
    return ran.copy.method if ran.copy is not None and ran.copy.rebatched else None


def _within_limit(memory: str | None, ran: PoolPlan) -> str | None:
    """No container has more than its limit; processes that share some of it may add up to that."""
    if memory is None or not size_bytes(memory):
        return None
    return memory_quantity(min(size_bytes(memory), ran.memory_bytes))


def refused_way(
    failure: Failure,
    facts: ModelFacts,
    ran: PoolPlan,
    job: JobView,
    pod: PodView | None,
    *,
    serves: bool,
) -> Measurement | None:
    """That the model does not load in the engine that was tried, or that its copy does not, as a
    row of a profile.

    None: it may well be something else, as where the copy `serves` already, or what was missing may
    be there the next time; or it is the stored model in ONNX Runtime itself, of which nothing would
    be left.
    """
    # An engine that compiles may just need too long; a copy loads as fast as the model.
    by_engine = ran.engine is not None and failure.reason in (
        reasons.MODEL_LOAD_FAILED,
        MODEL_NOT_LOADED,
    )
    of_copy = ran.copy is not None and not serves and failure.reason == reasons.MODEL_LOAD_FAILED
    if not by_engine and not of_copy:
        return None
    said = (
        [one.last_message for one in pod.containers if is_refused_model(one.last_message)]
        if pod
        else []
    )
    why = f"Triton refuses the model: {telling_lines(said[0])}" if said else failure.message
    if _PASSING.search(why):
        return None
    return Measurement(
        precision=ran.precision,
        method=_method(ran),
        engine=engine_of(facts, ran.engine),
        hardware=PoolHardware(product=ran.pool.product, triton_release=str(ran.release)),
        instances=ran.instances,
        threads=ran.threads,
        refusal=shortened(why, 1000),
        copy_digest=ran.copy.digest if ran.copy else None,
        source=MeasurementSource.MEASURED,
        time=job.finished,
    )
