"""What an inspection's Job answers in its termination message: a model's facts, or a failure."""

from pydantic import Field, ValidationError

from triton_operator.api.fields import ApiModel, Digest
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.termination_message import UnreadableReport, no_report, packed, unpacked


class Failure(ApiModel):
    """Why a model could not be fetched or inspected."""

    reason: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=64)
    message: str = Field(max_length=2048)
    retryable: bool = Field(False, description="Whether the same call may go through later.")


class Report(ApiModel):
    """Exactly one of `facts` (with its digest) and `failure` is present."""

    digest: Digest | None = None
    facts: ModelFacts | None = None
    failure: Failure | None = None


def encode_report(report: Report) -> str:
    """The report in at most 4,096 bytes.

    Raises:
        UnreadableReport: it does not fit even when compressed.
    """
    return packed(report)


def decode_report(text: str) -> Report:
    """The report in a termination message.

    Raises:
        UnreadableReport: not a report; its text says what was there instead.
    """
    try:
        report = Report.model_validate_json(unpacked(text))
    except ValidationError as error:
        raise no_report(text) from error
    if (report.facts is None) == (report.failure is None) or (
        report.facts is not None and report.digest is None
    ):
        raise UnreadableReport("a report has either a digest with facts or a failure")
    return report
