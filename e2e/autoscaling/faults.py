"""What goes wrong under load removes no replica: Prometheus away, the operator or a pod killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from e2e.autoscaling.rates import Rates, spike
from e2e.autoscaling.stage import Stage, staged
from e2e.autoscaling.trial import Result, trial
from e2e.harness.cluster import Cluster
from e2e.harness.errors import HarnessError
from e2e.harness.kubectl import Kubectl
from e2e.harness.progress import say
from e2e.operator_pod import kill_operator

CALM_SECONDS = 120
BEGINS = 60
OUTAGE_SECONDS = 300
AFTERWARDS_SECONDS = 120


@dataclass(frozen=True)
class Fault:
    """`acts` are what happens at which second; until `ends`, no replica may be removed."""

    name: str
    load: Rates
    acts: dict[int, Callable[[Stage], None]]
    ends: int
    by_prometheus: bool = False


def faults() -> list[Fault]:
    """Each under a load that tempts: less and less during the outage, more and more in a spike."""
    half = OUTAGE_SECONDS // 2
    falling = [250.0] * (BEGINS + half) + [100.0] * (half + AFTERWARDS_SECONDS)
    # The step is at second 151 of the spike, and so ten seconds before the operator dies.
    rising = spike().part(151 - (BEGINS - 10), 240)
    steady = [200.0] * (BEGINS + AFTERWARDS_SECONDS)
    return [
        Fault(
            "Prometheus stopped for 5 minutes",
            Rates("250/s, then 100/s", np.array(falling)),
            {BEGINS: _stop_prometheus, BEGINS + OUTAGE_SECONDS: _start_prometheus},
            BEGINS + OUTAGE_SECONDS,
            by_prometheus=True,
        ),
        Fault("operator killed in a spike", rising, {BEGINS: _kill_operator}, BEGINS + 60),
        Fault("pod killed", Rates("200/s", np.array(steady)), {BEGINS: _kill_pod}, BEGINS + 60),
    ]


def fault_run(cluster: Cluster, fault: Fault, cold_start_seconds: float) -> Result:
    """The run, with the replicas that were removed while the fault lasted in its notes."""
    problems: list[str] = []

    def act(stage: Stage, what: Callable[[Stage], None]) -> None:
        try:
            what(stage)
        except HarnessError as error:
            problems.append(str(error))

    with staged(cluster, "ours", cold_start_seconds, by_prometheus=fault.by_prometheus) as stage:
        acting: list[threading.Thread] = []

        def happening(second: float) -> None:
            if what := fault.acts.get(round(second)):
                say(f"  {fault.name}: {what.__name__.strip('_').replace('_', ' ')}")
                # The looks go on meanwhile.
                acting.append(threading.Thread(target=act, args=(stage, what)))
                acting[-1].start()

        result = trial(stage, fault.load, CALM_SECONDS, happening)
        for thread in acting:
            thread.join()
    if problems:
        raise HarnessError(f"{fault.name}: {'; '.join(problems)}")
    result.policy = f"ours: {fault.name}"
    ordered = [sample.ordered for sample in result.samples if BEGINS <= sample.time <= fault.ends]
    result.removed = sum(max(0, before - after) for before, after in pairwise(ordered))
    result.notes.append(
        f"{result.removed} replicas removed between {BEGINS} and {fault.ends} s; "
        f"{result.failed} requests failed: {result.generator['kinds']}"
    )
    return result


def _stop_prometheus(stage: Stage) -> None:
    assert stage.prometheus is not None
    stage.prometheus.stop()


def _start_prometheus(stage: Stage) -> None:
    assert stage.prometheus is not None
    stage.prometheus.start()


def _kill_operator(stage: Stage) -> None:
    kill_operator(stage.cluster, Kubectl(stage.cluster.kubeconfig))


def _kill_pod(stage: Stage) -> None:
    victim = stage.fleet.ready()[0].name
    stage.services.kubectl("delete", "pod", victim, "--grace-period=0", "--force")
