"""What a measurement's Job answers in its termination message: the numbers, or a failure."""

from pydantic import ValidationError

from triton_operator.api.fields import ApiModel
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Measurement
from triton_operator.api.termination_message import UnreadableReport, no_report, packed, unpacked


class MeasurementReport(ApiModel):
    """Exactly one of the two is present."""

    measurement: Measurement | None = None
    failure: Failure | None = None


def encode_measurement(report: MeasurementReport) -> str:
    """The report in at most 4,096 bytes; with 32 batch sizes it has about 1,500."""
    return packed(report)


def decode_measurement(text: str) -> MeasurementReport:
    """The report in a termination message.

    Raises:
        UnreadableReport: not a report; its text says what was there instead.
    """
    try:
        report = MeasurementReport.model_validate_json(unpacked(text))
    except ValidationError as error:
        raise no_report(text) from error
    if (report.measurement is None) == (report.failure is None):
        raise UnreadableReport("a report has either a measurement or a failure")
    if report.measurement is not None and not report.measurement.latency:
        raise UnreadableReport("a measurement has at least one batch size")
    return report
