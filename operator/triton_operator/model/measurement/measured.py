"""What came out: one row per batch size, and the throughput. Also as rows of a ModelProfile."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from triton_operator.api.enums import MeasurementEnd, MeasurementSource, Precision
from triton_operator.api.model_profile import BatchLatency, Measurement, PoolHardware

_DIGITS = 4
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class SizeMeasured:
    """Executions of one batch size.

    `seconds`: their median, as Triton counts them. `client_*`: from request to answer, as whoever
    asks sees it. `narrow`: the median is known to 3 %, or else the time was up.
    """

    batch_size: int
    seconds: float
    client_seconds: float
    client_p99_seconds: float
    executions: int
    narrow: bool


@dataclass(frozen=True)
class Measured:
    """All sizes, smallest first, and why there are no more: in words, and as the API has it.

    `requests_per_second` is what was done under load from `senders` clients; None: these could not
    send as many as the model can do.
    """

    sizes: tuple[SizeMeasured, ...]
    reason: str
    requests_per_second: float | None = None
    senders: int = 0
    end: MeasurementEnd | None = None


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What was measured, beside the model: `time` is RFC 3339, `samples_digest` None: on made-up
    inputs.

    `devices` is the number of accelerators that shared the load. `method` is DynamicBatch where it
    was the copy that takes any batch. `memory_bytes` is the most that Triton had in the host's
    memory with this model alone; None: not known.
    """

    precision: Precision
    engine: str
    hardware: PoolHardware
    instances: int
    threads: int | None
    samples_digest: str | None
    time: str
    devices: int = 1
    method: str | None = None
    memory_bytes: int | None = None


def measurement(measured: Measured, around: Circumstances) -> Measurement:
    """The row of a ModelProfile.

    It has no number of accelerators, and what several do is no throughput of a replica with one.
    """
    rate = measured.requests_per_second if around.devices == 1 else None
    memory = around.memory_bytes
    return Measurement(
        precision=around.precision,
        method=around.method,
        engine=around.engine,
        hardware=around.hardware,
        instances=around.instances,
        threads=around.threads,
        latency=latency_rows(measured.sizes),
        ended=measured.end,
        throughput=None if rate is None else decimal_text(rate),
        memory=None if memory is None else f"{-(-memory // _MEBIBYTE)}Mi",
        samples_digest=around.samples_digest,
        source=MeasurementSource.MEASURED,
        time=around.time,
    )


def latency_rows(sizes: Sequence[SizeMeasured]) -> list[BatchLatency]:
    """Time per batch size, in milliseconds."""
    return [
        BatchLatency(batch_size=row.batch_size, milliseconds=decimal_text(row.seconds * 1000))
        for row in sizes
    ]


def decimal_text(value: float) -> str:
    """`value` with four digits that count, and without an exponent: 0.3354, 12.08, 1530."""
    rounded = Decimal(f"{value:.{_DIGITS}g}")
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
