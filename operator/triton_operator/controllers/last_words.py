"""The telling lines of a container's last words: a log tail is mostly tables and banners."""

import re

from triton_operator.api.conditions import shortened

_STAMP = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.]+:\d+\]\s*")
_REFUSED = re.compile(r"failed to load|UNAVAILABLE|[Ii]nvalid argument|Poll failed for model")
_TELLING = re.compile(r"^(error|fatal)\b|error:|exception|cannot |failed|unrecognized option", re.I)
_HEADLINE = re.compile(r"failed to load all models|failed to stat|Error details|creating server:")
_LIMIT = 600


def is_refused_model(text: str) -> bool:
    """Whether Triton ended because it could not load a model."""
    return any(_REFUSED.search(line) for line in text.splitlines())


def telling_lines(text: str) -> str:
    """What a log tail says about its end, in one line of at most 600 characters.

    Triton repeats a load error in several lines and tables; the longest says most. Where nothing
    looks like an error, the last lines are all there is.
    """
    lines = [line for raw in text.splitlines() if (line := _plain(raw))]
    refused = [line for line in lines if _REFUSED.search(line) and not _HEADLINE.search(line)]
    if refused:
        return shortened(max(refused, key=len), _LIMIT)
    telling = [line for line in lines if _TELLING.search(line)]
    chosen = list(dict.fromkeys(telling))[-2:] or lines[-3:]
    return shortened("; ".join(chosen), _LIMIT)


def _plain(line: str) -> str:
    """Without time stamp, frame and quotes; empty where nothing is left."""
    line = _STAMP.sub("", line.strip()).strip()
    if line.startswith(("+-", "+=")):
        return ""
    if line.startswith("|"):
        line = " ".join(cell.strip() for cell in line.strip("|").split("|") if cell.strip())
    return line.strip('"')
