"""A scenario from its start to its end, disturbed or not, and the checks that every run has."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from kopf._cogs.clients.errors import APIError
from kopf._cogs.clients.watching import WatchingError

from tests.faults.end_state import end_state
from tests.faults.fake.faults import Faults
from tests.faults.invariants import Bugs, Invariants
from tests.faults.scenarios import Scenario, start_of
from tests.faults.virtual_time import run
from tests.faults.world import SWEEP_SECONDS, Snapshot, World


@dataclass(frozen=True)
class Ending:
    """How a run ended; `writes` of the operator until it came to rest, `starts` of it."""

    state: dict[str, Any]
    writes: int
    starts: int


def ending(scenario: Scenario, faults: Faults, seed: int = 0, *, sweeps: bool = False) -> Ending:
    """Run a scenario and check what must be so in every run; `sweeps`: rest until two are done."""
    return run(_ending(scenario, start_of(scenario), faults, seed, sweeps=sweeps))


@cache
def undisturbed(scenario: Scenario) -> Ending:
    """The ending that every disturbed run must have, too."""
    return ending(scenario, Faults())


async def _ending(
    scenario: Scenario, start: Snapshot, faults: Faults, seed: int, *, sweeps: bool
) -> Ending:
    with Bugs() as bugs:
        async with World.open(start, faults, seed=seed) as world:
            invariants = Invariants(world.history, serves=scenario.serves)
            faults.begin(world)
            await world.rest(1)
            scenario.change(world)
            await world.rest()
            faults.end()
            if sweeps:
                await world.rest(2.5 * SWEEP_SECONDS)
            result = Ending(end_state(world.history), _writes(world), world.starts)
            if scenario.rests:
                await _check_rest(world)
    assert not invariants.broken
    assert not bugs.seen
    # Kopf gives up a watch that ends with anything but a 410 event, and the process with it.
    assert all(isinstance(crash, WatchingError | APIError) for crash in world.crashes)
    return result


async def _check_rest(world: World) -> None:
    """A sweep verifies what was believed, and finds nothing; after that it does not even write."""
    version, before = world.history.version, dict(world.history.objects)
    await world.rest(1.3 * SWEEP_SECONDS)
    changed = [place for place, body in world.history.objects.items() if before.get(place) != body]
    assert (changed, world.history.version) == ([], version)
    writes = _writes(world)
    await world.rest(1.3 * SWEEP_SECONDS)
    assert _writes(world) == writes


def _writes(world: World) -> int:
    return sum(request.writes for request, _ in world.server.log)
