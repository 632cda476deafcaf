"""What a conversion's Job answers in its termination message: the copy's row, or a failure.

That a model cannot be converted is a row too: it is known then, and not tried again.
"""

from pydantic import ValidationError

from triton_operator.api.conditions import shortened
from triton_operator.api.fields import ApiModel
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Conversion
from triton_operator.api.termination_message import UnreadableReport, no_report, packed, unpacked

_SHORT_REFUSAL = 256
"""Names of a hostile model in four bytes a character do not fit otherwise."""


class ConversionReport(ApiModel):
    """Exactly one of the two is present."""

    conversion: Conversion | None = None
    failure: Failure | None = None


def encode_conversion(report: ConversionReport) -> str:
    """The report in at most 4,096 bytes, with a shorter refusal where it needs that."""
    try:
        return packed(report)
    except UnreadableReport:
        row, failure = report.conversion, report.failure
        if row is not None and row.refusal:
            row = row.model_copy(update={"refusal": shortened(row.refusal, _SHORT_REFUSAL)})
        if failure is not None:
            shorter = shortened(failure.message, _SHORT_REFUSAL)
            failure = failure.model_copy(update={"message": shorter})
        return packed(ConversionReport(conversion=row, failure=failure))


def decode_conversion(text: str) -> ConversionReport:
    """The report in a termination message.

    Raises:
        UnreadableReport: not a report; its text says what was there instead.
    """
    try:
        report = ConversionReport.model_validate_json(unpacked(text))
    except ValidationError as error:
        raise no_report(text) from error
    if (report.conversion is None) == (report.failure is None):
        raise UnreadableReport("a report has either a conversion or a failure")
    row = report.conversion
    if row is not None and row.digest is None and row.refusal is None:
        raise UnreadableReport("a conversion has a copy, or says why there is none")
    return report
