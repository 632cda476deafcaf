"""Measures a model that a Triton has loaded: batch sizes one after the other, then under load."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from triton_operator.api.enums import MeasurementEnd
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.batch_times import rows_executed, since
from triton_operator.model.measurement.inputs import Inputs
from triton_operator.model.measurement.measured import Measured, SizeMeasured
from triton_operator.model.measurement.order_statistics import is_narrow, median, quantile
from triton_operator.model.measurement.request_body import RequestBody, request_body
from triton_operator.model.measurement.schedule import (
    LOAD_SHARE,
    NARROW,
    WARM_UP_EXECUTIONS,
    WARM_UP_SHARE,
    Done,
    Timed,
    executions_per_reading,
    is_enough,
    next_size,
)
from triton_operator.triton.batch_statistics import BatchTotal

PURE_SHARE = 0.8
"""With several instances, two requests may meet in one batch; this share has to be alone in it."""
COUNTED_WITHIN_SECONDS = 2.0
"""Triton answers a request a moment before it counts it."""
SETTLING_SECONDS = 0.1
"""For what was sent before the measurement to be counted: nobody knows how much that was."""
MOST_DISTURBED = 5
"""Readings in which others had a part, of one batch size."""
LOAD_FACTOR = 2
"""Senders for each row of a full batch: one batch waits while another one is executed."""
LOAD_WARM_UP = 0.2
"""Share of the time under load that is not counted."""
CLIENT_BUSY = 0.8
"""Share of one core from which the client under load is the one that cannot do more: its threads
take turns on one. What it counts then says nothing about the model."""


_OF_NO_SIZE = frozenset({reasons.INTERRUPTED, reasons.MEASUREMENT_DISTURBED})
"""Failures that say nothing of the batch that was sent: another time there may be all sizes."""


class Server(Protocol):
    """What a probe needs of a Triton."""

    def totals(self) -> Mapping[int, BatchTotal]:
        """What was executed since the model was loaded."""

    def send(self, body: RequestBody, times: int, senders: int = 1) -> list[float]:
        """Send it `times` from each sender; seconds that each took the client."""

    def send_for(self, body: RequestBody, seconds: float, senders: int) -> int:
        """Send it from all senders for that long; how often."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to measure, and in how much time.

    `instances`: executions at once; the time of each is that beside the others. `largest`: the
    model's max_batch_size, 1 for one without a batch axis. `bound_seconds`: what an answer may
    take.
    """

    largest: int
    instances: int = 1
    budget_seconds: float = 180.0
    bound_seconds: float | None = None
    most_senders: int = 256


class Probe:
    """Measures one model. `clock` gives seconds, `sleep` waits for that many.

    `own_cpu` gives the CPU time of this process, in seconds.
    """

    def __init__(
        self,
        server: Server,
        inputs: Inputs,
        settings: Settings,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        own_cpu: Callable[[], float],
        progress: Callable[[SizeMeasured], None] = lambda _: None,
    ) -> None:
        self._server = server
        self._inputs = inputs
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._own_cpu = own_cpu
        self._progress = progress

    def measure(self) -> Measured:
        """All sizes that are worth it. Once one is measured, a larger one that fails ends it: what
        is known is no less true.

        Raises:
            WorkFailed: a request of the first size is refused, the server is gone before that is
                measured, others use the model, or this process is stopped.
        """
        wanted = self._settings
        self._sleep(SETTLING_SECONDS)
        end = self._clock() + wanted.budget_seconds * (1 - LOAD_SHARE)
        sizes: list[SizeMeasured] = []
        senders = min(wanted.most_senders, LOAD_FACTOR * wanted.largest * wanted.instances)
        while True:
            timed = [Timed(row.batch_size, row.seconds) for row in sizes]
            step = next_size(timed, wanted.largest, end - self._clock(), wanted.bound_seconds)
            if isinstance(step, Done):
                reason, ended = step.reason, step.end
                break
            try:
                sizes.append(self._size(step.batch_size, step.seconds))
            except WorkFailed as error:
                if not sizes or error.failure.reason in _OF_NO_SIZE:
                    raise
                reason = f"batches of {step.batch_size} fail: {error.failure.message}"
                ended = MeasurementEnd.FAILED
                # More could be put together to such a batch.
                senders = min(senders, sizes[-1].batch_size)
                break
            self._progress(sizes[-1])
        try:
            rate = self._under_load(senders, wanted.budget_seconds * LOAD_SHARE)
        except WorkFailed as error:
            if error.failure.reason in _OF_NO_SIZE:
                raise
            rate, reason = None, f"{reason}; the load fails: {error.failure.message}"
        return Measured(tuple(sizes), reason, rate, senders, ended)

    def _size(self, size: int, share_seconds: float) -> SizeMeasured:
        body = self._body(size)
        began = self._clock()
        self._warm_up(body, share_seconds * WARM_UP_SHARE)
        each = self._reading(body, 1).seconds
        times = executions_per_reading(each) if each else 1
        readings: list[float] = []
        client: list[float] = []
        executions, disturbed = 0, 0
        while not readings or not is_enough(readings, self._clock() - began, share_seconds):
            reading = self._reading(body, times)
            if reading.seconds is None:
                disturbed += 1
                if disturbed > max(MOST_DISTURBED, len(readings)):
                    raise WorkFailed(
                        reasons.MEASUREMENT_DISTURBED,
                        f"of {disturbed + len(readings)} readings of batches of {size}, others had "
                        f"requests in {disturbed}: measure where nobody else sends any",
                        retryable=True,
                    )
                continue
            readings.append(reading.seconds)
            client += reading.client_seconds
            executions += reading.executions
        return SizeMeasured(
            batch_size=size,
            seconds=median(readings),
            client_seconds=median(client),
            client_p99_seconds=quantile(client, 0.99),
            executions=executions,
            narrow=is_narrow(readings, NARROW),
        )

    def _body(self, size: int) -> RequestBody:
        return request_body(self._inputs.batch(size), size)

    def _warm_up(self, body: RequestBody, most_seconds: float) -> None:
        """The first executions of a size allocate memory, and an engine may be built in one."""
        began = self._clock()
        for _ in range(WARM_UP_EXECUTIONS):
            # As a reading, so that it has been counted before the first one that counts.
            self._reading(body, 1)
            if self._clock() - began > most_seconds:
                return

    def _reading(self, body: RequestBody, times: int) -> "_Reading":
        """What executions of `times` requests from each sender took, by Triton's own count."""
        senders = self._settings.instances
        before = self._server.totals()
        client = self._server.send(body, times, senders)
        sent = times * senders
        done = self._counted(before, sent * body.rows)
        alone = done.get(body.rows, BatchTotal())
        if rows_executed(done) != sent * body.rows or alone.executions < PURE_SHARE * sent:
            return _Reading(None, (), 0)
        return _Reading(alone.seconds_each, tuple(client), alone.executions)

    def _counted(self, before: Mapping[int, BatchTotal], rows: int) -> Mapping[int, BatchTotal]:
        """The difference to `before`, once so many rows are in it."""
        end = self._clock() + COUNTED_WITHIN_SECONDS
        while True:
            done = since(before, self._server.totals())
            if rows_executed(done) >= rows or self._clock() >= end:
                return done
            self._sleep(0.001)

    def _under_load(self, senders: int, seconds: float) -> float | None:
        """Requests per second, each of one row, which Triton puts together as it likes.

        None where this client is what bounds them.
        """
        body = self._body(1)
        self._server.send_for(body, seconds * LOAD_WARM_UP, senders)
        began, busy = self._clock(), self._own_cpu()
        answered = self._server.send_for(body, seconds * (1 - LOAD_WARM_UP), senders)
        took = self._clock() - began
        if self._own_cpu() - busy >= CLIENT_BUSY * took:
            return None
        return answered / took


@dataclass(frozen=True)
class _Reading:
    """`seconds`: of one execution; None: others had a part in it."""

    seconds: float | None
    client_seconds: tuple[float, ...]
    executions: int
