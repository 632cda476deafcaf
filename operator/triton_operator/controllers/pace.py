"""How often services are looked at: as often as wanted, unless that takes too much of a core. Pure.

A thousand services looked at each second would be all that the operator does. Instead of a setting,
the time between looks follows what the process needs.
"""

from dataclasses import dataclass

MOST_BUSY = 0.7
"""Of one core, over everything the process does. More, and looks become rarer."""
LEAST_BUSY = 0.5
LATE_SHARE = 0.3
SLOWER = 1.3
FASTER = 0.9
LONGEST_SECONDS = 15.0
"""Metrics of every quarter of a minute still tell a step within one cold start."""


@dataclass(frozen=True)
class Pace:
    """`tick_seconds` lie between two looks at a service; never fewer than `wanted_seconds`."""

    wanted_seconds: float
    tick_seconds: float

    @staticmethod
    def of(wanted_seconds: float) -> "Pace":
        """The pace of a process that has nothing else to do."""
        return Pace(wanted_seconds, wanted_seconds)

    def after(self, busy: float, late_seconds: float) -> "Pace":
        """The pace after a while in which the process kept a core `busy`, as a share of it.

        `late_seconds`: how long the next look has been due. On a machine that is busy with other
        things a process is late without being busy itself.
        """
        tick = self.tick_seconds
        if busy > MOST_BUSY or late_seconds > LATE_SHARE * tick:
            tick = min(max(LONGEST_SECONDS, self.wanted_seconds), tick * SLOWER)
        elif busy < LEAST_BUSY and late_seconds <= 0:
            tick = max(self.wanted_seconds, tick * FASTER)
        return Pace(self.wanted_seconds, tick)
