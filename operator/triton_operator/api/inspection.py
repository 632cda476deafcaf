"""How a Job answers the operator: one small text in its termination message.

Kubernetes keeps at most 4,096 bytes of it, so a report that is longer is compressed. The sender
parsed an untrusted file, so the text is untrusted too: it is decoded within bounds and validated.
"""

import base64
import binascii
import json
import zlib

from pydantic import Field, ValidationError

from triton_operator.api.conditions import shortened
from triton_operator.api.fields import ApiModel, Digest
from triton_operator.api.model_profile import ModelFacts

TERMINATION_MESSAGE_LIMIT = 4096
_DECODED_LIMIT = 1 << 20
_COMPRESSED = "zlib:"


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


class UnreadableReport(ValueError):
    """A termination message that is not a report of ours."""


def encode_report(report: Report) -> str:
    """The report in at most 4,096 bytes.

    Raises:
        UnreadableReport: it does not fit even when compressed.
    """
    plain = json.dumps(report.wire(), separators=(",", ":"), ensure_ascii=False)
    if len(plain.encode()) <= TERMINATION_MESSAGE_LIMIT:
        return plain
    packed = _COMPRESSED + base64.b85encode(zlib.compress(plain.encode(), 9)).decode()
    if len(packed) <= TERMINATION_MESSAGE_LIMIT:
        return packed
    raise UnreadableReport(
        f"the report of {len(plain)} bytes does not fit into {TERMINATION_MESSAGE_LIMIT} bytes"
    )


def decode_report(text: str) -> Report:
    """The report in a termination message.

    Raises:
        UnreadableReport: not a report; its text says what was there instead.
    """
    try:
        if text.startswith(_COMPRESSED):
            unpacker = zlib.decompressobj()
            data = unpacker.decompress(base64.b85decode(text[len(_COMPRESSED) :]), _DECODED_LIMIT)
            if not unpacker.eof:
                raise UnreadableReport(f"the report is larger than {_DECODED_LIMIT} bytes")
            text = data.decode()
        report = Report.model_validate_json(text)
    except (binascii.Error, zlib.error, ValidationError, ValueError) as error:
        if isinstance(error, UnreadableReport):
            raise
        raise UnreadableReport(
            f"not a report: {shortened(text.strip() or '(empty)', 300)}"
        ) from error
    if (report.facts is None) == (report.failure is None) or (
        report.facts is not None and report.digest is None
    ):
        raise UnreadableReport("a report has either a digest with facts or a failure")
    return report
