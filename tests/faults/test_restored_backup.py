"""etcd is restored from a backup: versions go back, and nobody is told."""

import pytest

from tests.faults.end_state import differences, end_state
from tests.faults.fake.history import History
from tests.faults.runs import undisturbed
from tests.faults.scenarios import SCENARIOS, Scenario, start_of
from tests.faults.virtual_time import run
from tests.faults.world import SWEEP_SECONDS, Snapshot, World
from triton_operator.controllers.resync import HistoryWentBack

(SPEC_CHANGE,) = (scenario for scenario in SCENARIOS if scenario.name == "spec change")


async def _restored(scenario: Scenario, start: Snapshot, *, again: bool) -> History:
    """The change is made, then the cluster is as it was before, then perhaps changed again."""
    async with World.open(start) as world:
        await world.rest(1)
        backup = world.history.copy()
        scenario.change(world)
        await world.rest()
        world.history.restore(backup)
        world.server.drop_watches()
        if again:
            scenario.change(world)
        await world.rest(1.5 * SWEEP_SECONDS)
        assert [type(crash) for crash in world.crashes] == [HistoryWentBack]
        return world.history


@pytest.mark.parametrize("again", [False, True])
def test_what_the_backup_says_holds(again: bool) -> None:
    """Within a sweep the operator starts afresh; what it remembered would have hidden it all."""
    start = start_of(SPEC_CHANGE)
    expected = undisturbed(SPEC_CHANGE).state if again else end_state(start.history)

    got = run(_restored(SPEC_CHANGE, start, again=again))

    assert differences(end_state(got), expected) == []
