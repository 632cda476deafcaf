"""The operator is killed after its n-th write, for every n: the end is the same."""

import pytest

from tests.faults.kills import KillAfter
from tests.faults.runs import ending, undisturbed
from tests.faults.scenarios import SCENARIOS, Scenario

WRITING = [scenario for scenario in SCENARIOS if scenario.writes]
by_name = pytest.mark.parametrize("scenario", WRITING, ids=str)


@by_name
def test_killed_once(scenario: Scenario) -> None:
    expected = undisturbed(scenario)
    assert expected.writes

    for write in range(1, expected.writes + 1):
        got = ending(scenario, KillAfter(write))
        assert got.state == expected.state, f"killed after write {write}"
        assert got.starts == 2, f"there is no write {write}"


@by_name
@pytest.mark.parametrize("writes", [1, 2, 3])
def test_killed_again_and_again(scenario: Scenario, writes: int) -> None:
    """A process that never gets far still gets there."""
    assert ending(scenario, KillAfter(writes, every=True)).state == undisturbed(scenario).state
