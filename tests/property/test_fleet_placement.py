"""No rule of placement is broken on fleets drawn at random; `make bench-fleet` tries many more."""

from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fleet.random_fleets import LONGEST_STORY, stories
from bench.fleet.rules import breaches

SEEDED = 1500


def test_no_rule_is_broken() -> None:
    for number, question in enumerate(islice(stories(1), SEEDED)):
        assert breaches(question) == [], f"input {number}: {question}"


@settings(max_examples=60)
@given(st.integers(0, 2**40))
def test_no_rule_is_broken_in_any_story(seed: int) -> None:
    for question in islice(stories(seed), LONGEST_STORY):
        assert breaches(question) == []


def test_the_inputs_are_not_all_trivial() -> None:
    """Where nothing is granted, or everybody is connected, nothing could be wrong."""
    asked = list(islice(stories(1), SEEDED))
    answers = [question.answer()[1] for question in asked]

    granting = sum(any(one.granted for one in each.sites.values()) for each in answers)
    routing = sum(any(len(one.weights) > 1 for one in each.sites.values()) for each in answers)
    silent = sum(any(not one.moves for one in question.facts) for question in asked)
    assert granting / SEEDED > 0.2
    assert routing / SEEDED > 0.1
    assert silent / SEEDED > 0.3
    assert 0.15 < sum(each.unplaced == 0 for each in answers) / SEEDED < 0.85
