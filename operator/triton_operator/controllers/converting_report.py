"""What the pod of a converting Job says, and how much of it is believed. Pure."""

from collections.abc import Mapping

from triton_operator.api import reasons
from triton_operator.api.conditions import shortened
from triton_operator.api.conversion_report import decode_conversion
from triton_operator.api.copy_store import CopyStore
from triton_operator.api.enums import Precision
from triton_operator.api.inspection import Failure, decode_report
from triton_operator.api.model_profile import Conversion
from triton_operator.api.model_source import Samples
from triton_operator.api.termination_message import UnreadableReport
from triton_operator.controllers.side_jobs import lost, report_of, unsaid
from triton_operator.controllers.views import ContainerView, JobView, PodView
from triton_operator.manifests.converting import CONVERT_CONTAINER
from triton_operator.manifests.copy_store import PUT_CONTAINER
from triton_operator.planning.samples_source import samples_source


def answer_of(job: JobView, pod: PodView | None, message: str) -> Conversion | Failure:
    """What the Job's pod says, or why it says nothing.

    A copy that was compared counts, whatever became of putting it into a store.
    """
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
    return report.conversion if job.succeeded or has_converted(pod) else nothing


def store_failure(job: JobView, pod: PodView | None) -> str | None:
    """Why the pod of a Job that has ended could not put the copy into its service's store; None: it
    did, or had none.
    """
    put = _container(pod, PUT_CONTAINER)
    if put is None:
        return None
    if put.terminated_message:
        try:
            failure = decode_report(put.terminated_message).failure
        except UnreadableReport as error:
            # The last lines of a log.
            return shortened(" ".join(f"container {put.name}: {error}".split()))
        return None if failure is None else shortened(failure.message)
    if put.exit_code == 0:
        return None
    if put.exit_code is None:
        # Not the words of `unfinished`: rows with those wait for this Job.
        return f"Job {job.name} had ended before container {put.name}"
    return f"container {put.name} ended without a report{_how(put)}"


def still_puts(pod: PodView | None) -> bool:
    """Whether the pod, as far as is seen, puts the copy into the store: it may have ended, as its
    Job has.
    """
    put = _container(pod, PUT_CONTAINER)
    return has_converted(pod) and put is not None and put.exit_code is None


def said_early(job: JobView, pod: PodView | None) -> Conversion | None:
    """The copy that the pod of a Job that still runs has made and compared, and not yet put into
    the store; None: there is none (yet).
    """
    if not has_converted(pod):
        return None
    answer = answer_of(job, pod, report_of(pod, CONVERT_CONTAINER))
    if isinstance(answer, Failure) or answer.digest is None or answer.refusal is not None:
        return None
    return answer


def unfinished(job: JobView) -> str:
    """What a row says of its store as long as the Job still puts the copy there, and for good if it
    goes meanwhile.
    """
    return f"Job {job.name} was gone before container {PUT_CONTAINER} had ended"


def _how(ended: ContainerView) -> str:
    known = [ended.terminated_reason, f"code {ended.exit_code}" if ended.exit_code else ""]
    said = ", ".join(one for one in known if one)
    return f": {said}" if said else ""


def has_converted(pod: PodView | None) -> bool:
    """Whether that has ended well, with something after it in the pod that has not."""
    convert, put = _container(pod, CONVERT_CONTAINER), _container(pod, PUT_CONTAINER)
    return convert is not None and convert.exit_code == 0 and put is not None


def _container(pod: PodView | None, name: str) -> ContainerView | None:
    return next((one for one in (pod.containers if pod else ()) if one.name == name), None)


def trusted(
    said: Conversion,
    precision: Precision,
    tool_versions: Mapping[str, str],
    job: JobView,
    *,
    samples: Samples | None,
    store: CopyStore | None,
    unstored: str | None,
    time: str,
) -> Conversion | Failure:
    """The copy and its agreement are the Job's word; what was asked for, the operator knows.

    A copy by other tools than the operator's would never count: that is a failure. `unstored` is
    why the copy is not in `store`, where it should be; `time` (RFC 3339), when it was found out.
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
    told = unstored if store and said.digest and not said.refusal else None
    row = said.model_copy(
        update={
            "precision": precision,
            "samples_digest": said.samples_digest if samples else None,
            "samples_source": samples_source(samples) if samples else None,
            "time": time,
            "store_failure": told,
            "store_source": store.source if store and told else None,
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
