"""Answers of a store that are small texts: a manifest, a page of a listing."""

import io

from triton_operator.model.authorization import Headers
from triton_operator.model.download import Download
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver


def small_answer(
    download: Download,
    url: str,
    what: str,
    *,
    most_bytes: int,
    deadline: Deadline,
    headers: Headers | None = None,
) -> bytes:
    """All bytes at `url`; `what` is what they are, for messages.

    Raises:
        ModelFailure: as `Download.read`; `ModelTooLarge` beyond `most_bytes`.
    """
    text = io.BytesIO()
    receiver = Receiver(
        what,
        text,
        most_bytes=most_bytes,
        deadline=deadline,
        progress=Progress(say=lambda _: None, clock=deadline.clock),
    )
    download.read(url, receiver, headers)
    return text.getvalue()
