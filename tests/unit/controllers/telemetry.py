"""A shell's instruments: what is measured of it, and what its probes say."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.unit.controllers.shell import Shell
from triton_operator.controllers.health import Health
from triton_operator.controllers.namespaces import Namespaces
from triton_operator.controllers.telemetry import OperatorCollector
from triton_operator.controllers.traffic import Traffic
from triton_operator.controllers.watch_streams import WatchStreams


@dataclass
class Instruments:
    """They share the shell's clock."""

    streams: WatchStreams
    traffic: Traffic
    namespaces: Namespaces
    collector: OperatorCollector
    health: Health


def instruments(
    shell: Shell, *, complete: bool = True, leads: bool = True, names: Sequence[str] = ()
) -> Instruments:
    """Of an operator that has or has not listed everything, and leads or follows."""
    namespaces = Namespaces(names)
    streams, traffic = WatchStreams(shell.clock), Traffic(shell.clock)
    collector = OperatorCollector(
        autoscaler=shell.autoscaler,
        queue=shell.queue,
        times=shell.times,
        controller=shell.controller,
        writer=shell.writer,
        store=shell.store,
        streams=streams,
        traffic=traffic,
        namespaces=namespaces,
        leads=lambda: leads,
    )
    health = Health(shell.queue, streams, traffic, namespaces, lambda: complete)
    return Instruments(streams, traffic, namespaces, collector, health)
