"""A conversion through a termination message: a whole row, or none."""

from typing import Any

import pytest

from triton_operator.api.conversion_report import (
    ConversionReport,
    decode_conversion,
    encode_conversion,
)
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Conversion
from triton_operator.api.termination_message import TERMINATION_MESSAGE_LIMIT, UnreadableReport

DIGEST = "sha256:" + "ab" * 32


def row(**changes: Any) -> Conversion:
    return Conversion.model_validate(
        {
            "precision": "INT8",
            "method": "INT8Dynamic",
            "toolVersions": {"onnx": "1.23.2"},
            "digest": DIGEST,
            "files": [{"path": "model.onnx", "digest": DIGEST, "sizeBytes": 7}],
            "agreement": "0.995",
            "rows": 64,
            "time": "2026-11-20T10:00:00Z",
            **changes,
        }
    )


def test_a_row_arrives_as_it_is() -> None:
    report = ConversionReport(conversion=row(refusal="x" * 1024))
    text = encode_conversion(report)

    assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    assert decode_conversion(text) == report


def test_a_hostile_name_does_not_keep_it_from_arriving() -> None:
    """Characters of four bytes that do not compress."""
    words = "".join(chr(0x20000 + (number * 7919) % 40000) for number in range(1024))
    refused = encode_conversion(ConversionReport(conversion=row(refusal=words)))
    failed = encode_conversion(ConversionReport(failure=Failure(reason="Any", message=words)))

    for text in (refused, failed):
        assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    found = decode_conversion(refused).conversion
    assert found is not None
    assert found.refusal is not None
    assert (found.refusal[:100], found.digest) == (words[:100], DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "Traceback (most recent call last):",
        '{"conversion": {"precision": "FP8"}}',
        ConversionReport(conversion=row(digest=None)).model_dump_json(by_alias=True),
        ConversionReport(
            conversion=row(), failure=Failure(reason="Any", message="x")
        ).model_dump_json(by_alias=True),
    ],
)
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(UnreadableReport):
        decode_conversion(text)
