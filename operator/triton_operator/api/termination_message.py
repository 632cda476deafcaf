"""How Jobs answer the operator: one small text in a container's termination message.

Kubernetes keeps at most 4,096 bytes of it, so a report that is longer is compressed. The sender
had to do with an untrusted file, so the text is untrusted too: it is unpacked within bounds, and
whoever reads it validates it.
"""

import base64
import binascii
import json
import zlib

from triton_operator.api.conditions import shortened
from triton_operator.api.fields import ApiModel

TERMINATION_MESSAGE_LIMIT = 4096
_UNPACKED_LIMIT = 1 << 20
_COMPRESSED = "zlib:"


class UnreadableReport(ValueError):
    """A termination message that is not a report of ours."""


def no_report(text: str) -> UnreadableReport:
    """That `text` is none, and what it is instead."""
    return UnreadableReport(f"not a report: {shortened(text.strip() or '(empty)', 300)}")


def packed(report: ApiModel) -> str:
    """The report in at most 4,096 bytes.

    Raises:
        UnreadableReport: it does not fit even when compressed.
    """
    plain = json.dumps(report.wire(), separators=(",", ":"), ensure_ascii=False)
    if len(plain.encode()) <= TERMINATION_MESSAGE_LIMIT:
        return plain
    text = _COMPRESSED + base64.b85encode(zlib.compress(plain.encode(), 9)).decode()
    if len(text) <= TERMINATION_MESSAGE_LIMIT:
        return text
    raise UnreadableReport(
        f"the report of {len(plain)} bytes does not fit into {TERMINATION_MESSAGE_LIMIT} bytes"
    )


def unpacked(text: str) -> str:
    """The JSON in a termination message, not validated.

    Raises:
        UnreadableReport: it was compressed by somebody else, or is too large.
    """
    if not text.startswith(_COMPRESSED):
        return text
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b85decode(text[len(_COMPRESSED) :]), _UNPACKED_LIMIT)
        if not unpacker.eof:
            raise UnreadableReport(f"the report is larger than {_UNPACKED_LIMIT} bytes")
        return data.decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        if isinstance(error, UnreadableReport):
            raise
        raise no_report(text) from error
