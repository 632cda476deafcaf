"""The report of a Job: into the termination message, whatever has to be left out for that."""

from pathlib import Path

from triton_operator.api.conditions import shortened
from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.api.termination_message import TERMINATION_MESSAGE_LIMIT, UnreadableReport
from triton_operator.model import reasons

_SHORT_REASON = 160
_SHORT_MESSAGE = 512


def fitting(report: Report) -> tuple[str, Report]:
    """The text of `report`, at most 4,096 bytes, and the report that it really says.

    Facts that are too long get a shorter reason; if that is not enough, the answer is the failure
    `ReportTooLarge`. A failure that is too long gets a shorter message.
    """
    try:
        return encode_report(report), report
    except UnreadableReport as error:
        too_large = error
    if report.facts is not None:
        facts = report.facts.model_copy(
            update={"reason": shortened(report.facts.reason, _SHORT_REASON)}
        )
        shorter = report.model_copy(update={"facts": facts})
        try:
            return encode_report(shorter), shorter
        except UnreadableReport:
            failure = Failure(
                reason=reasons.REPORT_TOO_LARGE,
                message=f"the facts of this model ({len(facts.inputs)} inputs, "
                f"{len(facts.outputs)} outputs, {len(facts.files)} files) do not fit into "
                f"{TERMINATION_MESSAGE_LIMIT} bytes; give its tensors shorter names, or commit a "
                "ModelProfile with the facts that `triton-operator model inspect` prints",
            )
    elif report.failure is not None:
        message = shortened(report.failure.message, _SHORT_MESSAGE)
        failure = report.failure.model_copy(update={"message": message})
    else:
        raise too_large
    answer = Report(failure=failure)
    return encode_report(answer), answer


def fits(report: Report) -> bool:
    """Whether nothing has to be left out of `report`."""
    try:
        encode_report(report)
    except UnreadableReport:
        return False
    return True


def write_report(text: str, path: Path) -> None:
    """Put `text` into the file that the kubelet reads.

    It exists already and may be the only writable file in its folder, so it is written in place.

    Raises:
        OSError: it cannot be written.
    """
    path.write_text(text, encoding="utf-8")
