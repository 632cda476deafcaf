"""After a storm of faults the end is the one that calm weather brings, and then nothing moves."""

import pytest

from tests.faults.end_state import differences
from tests.faults.runs import ending, undisturbed
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.storms import Storm

SEEDS = range(12)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_storm(scenario: Scenario) -> None:
    expected = undisturbed(scenario).state
    for seed in SEEDS:
        print(f"seed {seed}")
        got = ending(scenario, Storm(seed), seed, sweeps=True).state
        assert differences(got, expected) == []
