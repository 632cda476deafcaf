"""A Triton in made time: each execution takes what a curve says, and the statistics count it."""

from collections.abc import Callable, Iterator, Mapping

from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.request_body import RequestBody
from triton_operator.triton.batch_statistics import BatchTotal


class FakeTriton:
    """Its `clock` only moves while it executes, and while somebody sleeps.

    `seconds` gives the time of a batch; `client_seconds` is added to what the client sees. It
    counts a request after `late` looks. `strangers`: rows that others send between two looks.
    `sent`: the rows of every request, in order.
    """

    def __init__(
        self,
        seconds: Callable[[int], float],
        *,
        client_seconds: float = 0.001,
        late: int = 0,
        strangers: Iterator[int] | None = None,
        fails_at: int | None = None,
        fails_with: str = reasons.REQUEST_REFUSED,
        client_is_busy: bool = False,
    ) -> None:
        self._seconds = seconds
        self._client_seconds = client_seconds
        self._late = late
        self._hidden = 0
        self._strangers = strangers
        self._fails_at = fails_at
        self._fails_with = fails_with
        self._client_is_busy = client_is_busy
        self._totals: dict[int, BatchTotal] = {}
        self._seen: Mapping[int, BatchTotal] = {}
        self.now = 0.0
        self.cpu = 0.0
        self.sent: list[int] = []
        self.senders: set[int] = set()

    def clock(self) -> float:
        return self.now

    def own_cpu(self) -> float:
        return self.cpu

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def totals(self) -> Mapping[int, BatchTotal]:
        if self._hidden:
            self._hidden -= 1
            return self._seen
        self._seen = dict(self._totals)
        return self._seen

    def send(self, body: RequestBody, times: int, senders: int = 1) -> list[float]:
        self.senders.add(senders)
        assert not self._hidden, "what was sent before is not counted yet: who could tell it apart?"
        self._seen, self._hidden = dict(self._totals), self._late
        took = []
        for _ in range(times):
            seconds = self._seconds(body.rows)
            for _ in range(senders):
                self._execute(body.rows, seconds)
                took.append(seconds + self._client_seconds)
            self.now += seconds + self._client_seconds
        if self._strangers and (rows := next(self._strangers)):
            self._count(rows, self._seconds(rows))
        return took

    def send_for(self, body: RequestBody, seconds: float, senders: int) -> int:
        """As if it put all of them together."""
        self._refuse(senders)
        each = self._seconds(senders)
        self.now += seconds
        self.cpu += seconds if self._client_is_busy else 0.0
        return int(seconds / each) * senders

    def _execute(self, rows: int, seconds: float) -> None:
        self._refuse(rows)
        self.sent.append(rows)
        self._count(rows, seconds)

    def _refuse(self, rows: int) -> None:
        if self._fails_at is not None and rows >= self._fails_at:
            raise WorkFailed(self._fails_with, f"batch of {rows}")

    def _count(self, rows: int, seconds: float) -> None:
        known = self._totals.get(rows, BatchTotal())
        self._totals[rows] = BatchTotal(
            known.executions + 1, known.nanoseconds + round(seconds * 1e9)
        )
