"""Samples from a Prometheus that scrapes the pods, and the last hour after a restart."""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from triton_operator.autoscaling.exposition import FAMILIES
from triton_operator.autoscaling.history import (
    BIN_SECONDS,
    COUNTED,
    SUCCESS,
    Bin,
    arrivals,
    pods_of,
)
from triton_operator.autoscaling.prometheus_answers import (
    NotAnAnswer,
    PodLabels,
    Series,
    matrix,
    pod_samples,
)
from triton_operator.autoscaling.promql import any_of, literal, selector
from triton_operator.autoscaling.samples import PodSample, PodTarget, Samples
from triton_operator.autoscaling.sources.prometheus_connection import (
    PrometheusAddress,
    PrometheusConnection,
    PrometheusSilent,
)

NAME = "prometheus"
LOOK_BACK_SECONDS = 60
"""Older samples are of no use, and this long tells how old the newest one is."""
HISTORY_SECONDS = 3600
PODS_PER_QUERY = 40
"""Their names, in a URL, stay below the 8 KB that proxies take."""
THREADS = 4
"""Questions at a time. The client is synchronous; its answers come in tens of milliseconds."""
AWAY_SECONDS = 5.0
"""How long nobody asks again after no answer: a thousand services would wait for each other."""
QUICK_SECONDS = 0.5
"""A slower answer does not tell how its clock and ours differ."""
T = TypeVar("T")


@dataclass(frozen=True)
class PrometheusOptions:
    """How series are told apart: labels that name a pod, and others that they must have.

    `matchers` are for a Prometheus that holds several clusters' data, such as {"cluster": "prod"}.
    """

    labels: PodLabels = field(default_factory=PodLabels)
    matchers: Mapping[str, str] = field(default_factory=dict)


class Prometheus:
    """A `MetricSource`, and the history of a service.

    `clock` gives seconds since the epoch. Samples are dated by Prometheus' clock, and so is when
    they were taken, so that clocks that differ make nothing look old.
    """

    def __init__(
        self,
        address: PrometheusAddress,
        clock: Callable[[], float],
        options: PrometheusOptions | None = None,
    ) -> None:
        self._connection = PrometheusConnection(address)
        self._clock = clock
        self._options = options or PrometheusOptions()
        self._threads = ThreadPoolExecutor(THREADS, "prometheus")
        self._ahead_seconds: float | None = None
        self._away: tuple[float, str] | None = None

    async def samples(self, targets: Collection[PodTarget]) -> Samples:
        """The newest sample of each target, of the last minute."""
        unique = list({target.instance: target for target in targets}.values())
        try:
            taken = await self._in_thread(self._now)
        except PrometheusSilent as error:
            # Time goes on in Prometheus, too: what it told before grows older.
            taken = self._clock() + (self._ahead_seconds or 0.0)
            return Samples(NAME, taken, {}, {one.instance: str(error) for one in unique})
        groups = [
            unique[start : start + PODS_PER_QUERY]
            for start in range(0, len(unique), PODS_PER_QUERY)
        ]
        answers = await asyncio.gather(*map(self._group, groups))
        pods: dict[str, PodSample] = {}
        problems: dict[str, str] = {}
        for found, missing in answers:
            pods.update(found)
            problems.update(missing)
        return Samples(NAME, taken, pods, problems)

    async def history(
        self,
        targets: Collection[PodTarget],
        owners: Collection[str],
        seconds: int = HISTORY_SECONDS,
    ) -> tuple[Bin, ...]:
        """Arrivals of one service in bins, the oldest first, dated by Prometheus' clock.

        `owners` are the Deployments whose pods are or were the service's. Nothing where pods are
        told by their addresses: those that are gone have none any more.

        Raises:
            PrometheusSilent: it does not answer.
        """
        if not targets or not self._options.labels.pod:
            return ()

        def ask() -> tuple[Bin, ...]:
            end = int(self._now()) // BIN_SECONDS * BIN_SECONDS
            start = end - seconds
            of_service = self._of_service(targets, owners)
            series: list[Series] = []
            for query in (
                selector({"__name__": any_of(COUNTED), **of_service}, self._options.matchers),
                f"timestamp({SUCCESS}{selector(of_service, self._options.matchers)})",
            ):
                series += _matrix(self._connection.range(query, start, end, BIN_SECONDS))
            ends = range(start + BIN_SECONDS, end + 1, BIN_SECONDS)
            return arrivals(series, targets, owners, self._options.labels, ends)

        return await self._in_thread(ask)

    async def close(self) -> None:
        """End the threads; questions under way end by their own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    async def _group(
        self, targets: Sequence[PodTarget]
    ) -> tuple[Mapping[str, PodSample], Mapping[str, str]]:
        models = {model for one in targets for model in (one.model, *one.composing)}
        patterns = {"__name__": any_of(FAMILIES), "model": any_of(models)}
        labels = self._options.labels
        if labels.pod:
            patterns[labels.pod] = any_of(one.pod for one in targets)
            patterns[labels.namespace] = any_of(one.namespace for one in targets)
        else:
            patterns["instance"] = "|".join(
                rf"\[?{literal(one.address)}\]?:[0-9]+" for one in targets
            )
        query = f"{selector(patterns, self._options.matchers)}[{LOOK_BACK_SECONDS}s]"

        def ask() -> tuple[Mapping[str, PodSample], Mapping[str, str]]:
            return pod_samples(_matrix(self._connection.instant(query)), targets, labels)

        try:
            return await self._in_thread(ask)
        except PrometheusSilent as error:
            return {}, {one.instance: str(error) for one in targets}

    def _of_service(
        self, targets: Collection[PodTarget], owners: Collection[str]
    ) -> dict[str, str]:
        labels = self._options.labels
        pods = [any_of(one.pod for one in targets), *([pods_of(owners)] if owners else [])]
        return {
            "model": any_of(model for one in targets for model in (one.model, *one.composing)),
            labels.namespace: any_of(one.namespace for one in targets),
            labels.pod: "|".join(pods),
        }

    def _now(self) -> float:
        asked = self._clock()
        result = self._connection.instant("time()")
        answered = self._clock()
        try:
            now = float(result[1])
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise PrometheusSilent("what answers is no Prometheus: it tells no time") from error
        if not math.isfinite(now):
            raise PrometheusSilent(f"what answers is no Prometheus: its time is {now}")
        if answered - asked <= QUICK_SECONDS or self._ahead_seconds is None:
            self._ahead_seconds = now - answered
        return now

    async def _in_thread(self, ask: Callable[[], T]) -> T:
        """Ask in a thread; at once no answer where there was none a moment ago."""

        def unless_away() -> T:
            if self._away is not None and 0 <= self._clock() - self._away[0] < AWAY_SECONDS:
                raise PrometheusSilent(self._away[1])
            try:
                answer = ask()
            except PrometheusSilent as error:
                if error.away:
                    self._away = (self._clock(), str(error))
                raise
            self._away = None
            return answer

        return await asyncio.get_running_loop().run_in_executor(self._threads, unless_away)


def _matrix(result: object) -> list[Series]:
    try:
        return matrix(result)
    except NotAnAnswer as error:
        raise PrometheusSilent(str(error)) from error
