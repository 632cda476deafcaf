"""What the pod of a converting Job says, and how much of it is believed. Pure."""

from collections.abc import Mapping

from triton_operator.api import reasons
from triton_operator.api.conversion_report import decode_conversion
from triton_operator.api.enums import Precision
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Conversion
from triton_operator.api.model_source import Samples
from triton_operator.api.termination_message import UnreadableReport
from triton_operator.controllers.side_jobs import lost, unsaid
from triton_operator.controllers.views import JobView, PodView
from triton_operator.planning.samples_source import samples_source


def answer_of(job: JobView, pod: PodView | None, message: str) -> Conversion | Failure:
    """What the Job's pod says, or why it says nothing."""
    if not message:
        return _unsaid(job, pod)
    nothing = lost(job, reasons.CONVERSION_FAILED)
    try:
        report = decode_conversion(message)
    except UnreadableReport as error:
        # The last lines of a log, if nothing else was left: the pod may say who ended it.
        said = _unsaid(job, pod)
        return said if said.reason != nothing.reason else _more(nothing, str(error))
    if report.conversion is None:
        return report.failure or nothing
    return report.conversion if job.succeeded else nothing


def trusted(
    said: Conversion,
    precision: Precision,
    tool_versions: Mapping[str, str],
    job: JobView,
    *,
    samples: Samples | None,
) -> Conversion | Failure:
    """The copy and its agreement are the Job's word; what was asked for, the operator knows.

    A copy by other tools than the operator's would never count: that is a failure.
    """
    wrong = lost(job, reasons.CONVERSION_FAILED).model_copy(update={"retryable": False})
    if dict(said.tool_versions) != dict(tool_versions):
        return wrong.model_copy(
            update={
                "message": f"Job {job.name}: its image converts with {_tools(said.tool_versions)}, "
                f"and this operator has {_tools(tool_versions)}: let Jobs use the image "
                "of the operator"
            }
        )
    row = said.model_copy(
        update={
            "precision": precision,
            "samples_digest": said.samples_digest if samples else None,
            "samples_source": samples_source(samples) if samples else None,
            "time": job.finished or said.time,
        }
    )
    try:
        return Conversion.model_validate(row.wire())
    except ValueError as error:
        return _more(wrong, f"its report is no row that a profile takes: {error}")


def _unsaid(job: JobView, pod: PodView | None) -> Failure:
    """Of too little memory, the same Job dies again: nothing changes its limit meanwhile."""
    said = unsaid(job, pod, reasons.CONVERSION_FAILED)
    return said.model_copy(update={"retryable": said.reason != reasons.OUT_OF_MEMORY})


def _more(failure: Failure, what: str) -> Failure:
    return failure.model_copy(update={"message": f"{failure.message}; {what}"})


def _tools(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in sorted(versions.items())) or "nothing"
