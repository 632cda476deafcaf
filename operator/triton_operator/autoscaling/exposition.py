"""Triton's /metrics as numbers of one model: only what decisions on replicas are made from.

The format is Prometheus' text format 0.0.4. On GPUs a model has two sets of labels, one with and
one without `gpu_uuid`, so families are never joined by their labels: each is summed over all
series of the model, which also sums its versions and its GPUs.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

MAX_BYTES = 4 * 2**20
"""Triton writes about 10 KB per model; a pod that sends more than this is not believed."""
MAX_SERIES = 4096
"""Of one model, in one answer: some 40 are usual, times versions and GPUs."""
PERCENTILE = "0.99"
"""The quantile that is read from summaries, as Triton writes it."""
GIVEN_UP = "CANCELED"
"""The reason of a failure that is the client's own decision, as Triton writes it."""

_SUMS = {
    "nv_inference_request_success": "success",
    "nv_inference_request_failure": "failure",
    "nv_inference_pending_request_count": "pending",
    "nv_inference_count": "inferences",
    "nv_inference_exec_count": "executions",
    "nv_inference_request_duration_us": "request_us",
    "nv_inference_queue_duration_us": "queue_us",
    "nv_inference_compute_input_duration_us": "compute_input_us",
    "nv_inference_compute_infer_duration_us": "compute_infer_us",
    "nv_inference_compute_output_duration_us": "compute_output_us",
    "nv_inference_first_response_histogram_ms_count": "answered",
}
_BUCKETS = "nv_inference_first_response_histogram_ms_bucket"
_SUMMARY = "nv_inference_request_summary_us"
_PENDING = "nv_inference_pending_request_count"
FAMILIES = frozenset({*_SUMS, _BUCKETS, _SUMMARY})
"""Names of the series that are read; all others are passed over."""
_FIRST_LETTERS = "nv_inference_"
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
Key = TypeVar("Key")
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class NotMetrics(ValueError):
    """A text is no answer of Triton's metrics endpoint, or not all of one; it says why."""


@dataclass(frozen=True)
class ModelMetrics:
    """What one server says about one model. None: it says nothing; never 0 instead.

    All are sums since the model was loaded but `pending`, which waits now, and `p99_us`, the
    largest 99th percentile of the last 60 s. `compute_*_us` count a batch's time once for each
    request in it. `answered` and `within_ms` are of the histogram of first responses, which counts
    errors too: `within_ms[e]` were answered in at most e whole milliseconds, rounded down.
    """

    success: float | None = None
    failures: Mapping[str, float] | None = None
    pending: float | None = None
    inferences: float | None = None
    executions: float | None = None
    request_us: float | None = None
    queue_us: float | None = None
    compute_input_us: float | None = None
    compute_infer_us: float | None = None
    compute_output_us: float | None = None
    answered: float | None = None
    within_ms: Mapping[float, float] | None = None
    p99_us: float | None = None

    @property
    def failure(self) -> float | None:
        """Requests that failed, for whatever reason."""
        return None if self.failures is None else sum(self.failures.values())

    @property
    def errors(self) -> float | None:
        """Failures but for requests that the client itself gave up."""
        if self.failures is None:
            return None
        return sum(count for why, count in self.failures.items() if why != GIVEN_UP)

    @property
    def compute_us(self) -> float | None:
        """Input, inference and output together."""
        parts = (self.compute_input_us, self.compute_infer_us, self.compute_output_us)
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    @property
    def complete(self) -> bool:
        """Whether arrivals can be told from it: answers, failures and what waits."""
        return None not in (self.success, self.failures, self.pending)


@dataclass
class MetricsBuilder:
    """Collects series of one model, from wherever they come.

    `composing` are the models of an ensemble: what waits does so in their queues, and the
    ensemble's own gauge is wrong. Empty: the model's own gauge counts.
    """

    model: str
    composing: frozenset[str] = frozenset()
    _series: int = 0
    _sums: dict[str, float] = field(default_factory=dict)
    _failures: dict[str, float] = field(default_factory=dict)
    _within: dict[float, float] = field(default_factory=dict)

    def wants(self, family: str, model: str) -> bool:
        """Whether a series with this name and this label `model` is one of ours."""
        if family == _PENDING and self.composing:
            return model in self.composing
        return model == self.model

    def add(self, family: str, labels: Mapping[str, str], value: float) -> None:
        """Count a series in, unless it is another model's; each once.

        A sum with a part that is no number is no number, so it ends up as unknown; a percentile
        that is none (Triton writes one while it is idle) is left out.
        """
        if family not in FAMILIES or not self.wants(family, labels.get("model", "")):
            return
        self._series += 1
        if self._series > MAX_SERIES:
            raise NotMetrics(f"it has more than {MAX_SERIES} series of one model")
        if family == _SUMMARY:
            if labels.get("quantile") == PERCENTILE and math.isfinite(value) and value >= 0:
                self._sums["p99_us"] = max(value, self._sums.get("p99_us", 0.0))
            return
        if value < 0:
            value = math.nan
        if family == _BUCKETS:
            edge = _number(labels.get("le", ""))
            self._within[edge] = self._within.get(edge, 0.0) + value
        elif family == "nv_inference_request_failure":
            reason = labels.get("reason", "")
            self._failures[reason] = self._failures.get(reason, 0.0) + value
        else:
            name = _SUMS[family]
            self._sums[name] = self._sums.get(name, 0.0) + value

    def metrics(self) -> ModelMetrics:
        """All that was counted in, as a value."""
        known = {name: value for name, value in self._sums.items() if math.isfinite(value)}
        within = {edge: count for edge, count in self._within.items() if math.isfinite(edge)}
        return ModelMetrics(failures=_finite(self._failures), within_ms=_finite(within), **known)


def model_metrics(text: str, model: str, composing: Iterable[str] = ()) -> ModelMetrics:
    """What a text says about a model; `composing` as in `MetricsBuilder`.

    A model of which nothing is said has nothing but None.

    Raises:
        NotMetrics: the text ends within a line, or a line that is needed cannot be read.
    """
    if text and not text.endswith("\n"):
        raise NotMetrics("it ends within a line: a number may be cut short")
    builder = MetricsBuilder(model, frozenset(composing))
    names = {model, *builder.composing}
    # Most lines are of others or of no interest: they are passed over by what is cheap to see.
    marks = tuple(f'model="{_escaped(name)}"' for name in names)
    parsed: dict[str, dict[str, str]] = {}
    seen: set[str] = set()
    for line in text.split("\n"):
        if not line.startswith(_FIRST_LETTERS):
            continue
        family, _, rest = line.partition("{")
        if family not in FAMILIES or not any(mark in rest for mark in marks):
            continue
        series, _, value = line.rpartition("}")
        if series in seen:
            continue
        seen.add(series)
        text_of_labels = series[len(family) + 1 :]
        labels = parsed.get(text_of_labels)
        if labels is None:
            labels = parsed[text_of_labels] = _labels(text_of_labels, line)
        builder.add(family, labels, _value(value, line))
    return builder.metrics()


def _labels(text: str, line: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _LABEL.match(text, place)
        if match is None:
            raise NotMetrics(f"its labels cannot be read: {line[:200]}")
        name, value = match.groups()
        found[name] = _unescaped(value) if "\\" in value else value
        place = match.end()
    return found


def _value(text: str, line: str) -> float:
    parts = text.split()
    # A second number would be the time of the sample.
    if not 1 <= len(parts) <= 2:
        raise NotMetrics(f"its number cannot be read: {line[:200]}")
    return _number(parts[0], line)


def _number(text: str, line: str = "") -> float:
    try:
        if "_" in text:  # Python's own way to write thousands
            raise ValueError
        return float(text)
    except ValueError as error:
        raise NotMetrics(f'"{text[:40]}" is no number: {line[:200]}') from error


def _finite(values: Mapping[Key, float]) -> Mapping[Key, float] | None:
    if not values or not all(math.isfinite(value) for value in values.values()):
        return None
    return dict(values)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), text)
