"""A change of what is served goes through clusters step by step, and stops where it does harm."""

from dataclasses import replace

import pytest

from tests.unit.fleet.changes import BAD, GOOD, Changes, changes
from triton_operator.fleet.failing import Errors
from triton_operator.fleet.rollout import RolloutMemory
from triton_operator.fleet.update_judgement import Level


def begun(*names: str, **settings: object) -> Changes:
    """B is wanted, and was decided on once."""
    made = changes(*names, **{"canaries": ("c",), **settings})
    made.wanted = "B"
    made.decide()
    return made


def test_a_service_that_is_new_goes_everywhere_at_once() -> None:
    made = Changes({})
    assert made.decide().admits_new
    assert made.memory.is_complete


def test_canaries_come_first_then_the_others_one_by_one() -> None:
    made = begun("a", "b", "c")
    order = [made.having("B")]
    for _ in range(60):
        made.go(30)
        if made.having("B") != order[-1]:
            order.append(made.having("B"))

    assert order == [["c"], ["a", "c"], ["a", "b", "c"]]
    assert made.memory.is_complete
    assert made.memory.updates == {}


def test_the_order_of_canaries_is_the_one_that_is_named() -> None:
    made = begun("a", "b", "c", canaries=("c", "gone", "a"))
    assert made.having("B") == ["c"]
    made.go()
    assert made.having("B") == ["a", "c"]


def test_the_next_one_waits_until_pods_follow_and_were_observed() -> None:
    made = begun("a", "c")
    made.clusters["c"].slow = True
    made.go(1200)
    assert made.having("B") == ["c"]
    made.clusters["c"].slow = False
    rollout = made.go(270)
    assert made.having("B") == ["c"]
    assert rollout.waits == {"c": "is observed for 300 s"}
    made.go(90)
    assert made.having("B") == ["a", "c"]


def test_replicas_that_come_and_go_do_not_begin_it_anew() -> None:
    made = begun("a", "c")
    made.go(60)
    made.clusters["c"].follows = "resizing"
    made.clusters["c"].slow = True
    made.go(300)
    assert made.having("B") == ["a", "c"]


def test_bounds_that_change_meanwhile_do_not_begin_it_anew() -> None:
    made = begun("a", "c")
    made.go(60)
    for _ in range(10):
        made.clusters["c"].revision += 1
        made.go(30)
    assert made.having("B") == ["a", "c"]


def test_the_revision_that_brought_it_has_to_be_in_force_and_no_later_one() -> None:
    made = begun("a", "c")
    made.clusters["c"].lag = 1
    rollout = made.go(600)
    assert rollout.waits == {"c": "has applied revision 1, not 2"}
    made.clusters["c"].revision = 3
    made.go(330)
    assert made.having("B") == ["a", "c"], "the one of bounds alone does not count"


def test_a_canary_that_does_worse_ends_it() -> None:
    made = begun("a", "b", "c")
    made.clusters["c"].worse_with = "B"
    made.go(3600)

    assert made.having("B") == ["c"]
    assert made.memory.failed == "c"
    assert made.memory.failure == (
        "80 % of requests are within 100 ms, 99.5 % before; the objective is 99 %"
    )
    made.clusters["c"].worse_with = ""
    assert not made.go(3600).admits_new
    assert made.having("B") == ["c"], "it does not begin again by itself"


def test_going_back_heals_the_canary_and_asks_nobody_else() -> None:
    made = begun("a", "b", "c")
    made.clusters["c"].worse_with = "B"
    made.go(3600)
    made.wanted = "A"
    made.decide()
    assert made.having("A") == ["a", "b", "c"]
    made.go(330)
    assert made.memory.is_complete


def test_the_next_change_is_judged_by_what_was_before_the_bad_one() -> None:
    made = begun("a", "b", "c")
    made.clusters["c"].worse_with = "B"
    made.go(3600)
    made.wanted = "C"
    made.clusters["c"].worse_with = "C"
    made.go(3600)

    assert made.having("C") == ["c"]
    assert made.memory.failed == "c"
    assert "99.5 % before" in made.memory.failure


def test_a_change_during_another_one_begins_with_the_canary() -> None:
    made = begun("a", "b", "c")
    made.go(330)
    assert made.having("B") == ["a", "c"]
    made.wanted = "C"
    made.decide()
    assert made.having("C") == ["c"]
    made.wanted = "B"
    made.decide()
    assert made.having("C") == ["c"], "a has B and has not shown anything: one at a time"
    made.go(330)
    assert made.having("B") == ["a", "c"]


def test_another_strategy_tries_what_failed_again_and_still_looks() -> None:
    made = begun("a", "c")
    made.clusters["c"].worse_with = "B"
    made.go(3600)
    made.strategy = "t"
    made.decide()
    assert made.memory.failed == ""
    assert made.having("B") == ["c"], "it is not believed untested"
    made.go(3600)
    assert made.memory.failed == "c"
    made.strategy, made.clusters["c"].worse_with = "u", ""
    made.go(330)
    assert made.having("B") == ["a", "c"]


@pytest.mark.parametrize("how", ["lost", "paused"])
def test_a_cluster_that_cannot_follow_is_passed_over_and_comes_when_it_is_back(how: str) -> None:
    made = begun("a", "b", "c")
    made.go(330)
    setattr(made.clusters["a"], how, True)
    made.go(60)
    rollout = made.go(3600)
    assert made.having("B") == ["a", "b", "c"], "it has it, and nobody waits for it"
    assert rollout.passed_over == ("a",)
    assert not made.memory.is_complete
    setattr(made.clusters["a"], how, False)
    made.go(330)
    assert made.memory.is_complete


def test_a_lost_canary_does_not_hold_the_others_for_ever() -> None:
    made = changes("a", "b", "c", canaries=("c",))
    made.wanted = "B"
    made.clusters["c"].heard = False
    made.go(3600)
    assert made.having("B") == [], "it may be back at any moment"
    made.clusters["c"].lost = True
    rollout = made.decide()
    assert made.having("B") == ["a"]
    assert rollout.passed_over == ("c",)
    made.go(3600)
    assert made.having("B") == ["a", "b"]
    made.clusters["c"].lost, made.clusters["c"].heard = False, True
    made.go(330)
    assert made.memory.is_complete


def test_what_nobody_saw_is_not_observed() -> None:
    made = begun("a", "c")
    made.go(270)
    made.clusters["c"].heard = False
    made.go(3600)
    made.clusters["c"].heard = True
    made.go(270)
    assert made.having("B") == ["c"], "its time begins again, that to the deadline too"
    made.go(60)
    assert made.having("B") == ["a", "c"]


def test_one_that_has_shown_it_and_serves_no_more_holds_the_others() -> None:
    made = begun("a", "b", "c")
    made.go(330)
    made.clusters["c"].unwell = "does not serve: PodLost"
    made.go(3600)
    assert made.having("B") == ["a", "c"]
    made.clusters["c"].unwell = ""
    made.go(30)
    assert made.having("B") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"stuck": "its pods do not become ready: x"}, "do not become ready"),
        ({"slow": True}, "not so after 1800 s: has not rolled it out"),
        ({"unwell": "does not serve: y"}, "not so after 1800 s: does not serve: y"),
        ({"level": Level()}, "not so after 1800 s: does not tell how many requests"),
    ],
)
def test_what_ends_it_without_numbers(trouble: dict[str, object], words: str) -> None:
    made = begun("a", "c")
    for name, value in trouble.items():
        setattr(made.clusters["c"], name, value)
    made.go(3000)
    assert made.having("B") == ["c"]
    assert words in made.memory.failure


def test_a_cluster_without_requests_is_proven_by_serving() -> None:
    made = begun("a", "c")
    made.clusters["c"].level = Level(None, None, 0.0)
    made.go(330)
    assert made.having("B") == ["a", "c"]


def test_who_did_badly_before_does_not_end_it() -> None:
    made = changes("a", "c", canaries=("c",))
    made.clusters["c"].level = BAD
    made.wanted = "B"
    made.go(330)
    assert made.having("B") == ["a", "c"]


def test_a_start_that_was_not_written_down_proves_nothing() -> None:
    """A hub that ends after the work and before the status leaves a cluster with a change that
    nobody has looked at."""
    made = changes("a", "c", canaries=("c",))
    made.wanted = "B"
    made.clusters["c"].template, made.clusters["c"].level = "B", BAD
    made.recorded = False
    made.decide()
    made.recorded = True
    made.go(3600)
    assert made.having("B") == ["c"]
    assert made.memory.failure == "80 % of requests are within 100 ms; the objective is 99 %"


def test_a_status_that_was_lost_is_no_change() -> None:
    made = begun("a", "c")
    made.go(3000)
    made.memory, made.recorded = RolloutMemory(), False
    made.clusters["c"].level = BAD
    made.decide()
    assert made.memory.is_complete


def test_a_new_cluster_gets_what_is_proven() -> None:
    made = begun("a", "c")
    assert not made.decide().admits_new
    made.go(330)
    made.clusters["a"].lost = True
    assert made.go(30).admits_new, "everybody who is there does well with it"


def test_several_at_a_time() -> None:
    made = begun("a", "b", "c", "d", most=2)
    assert made.having("B") == ["c"]
    made.go(330)
    assert made.having("B") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("now", "before", "is_worse"),
    [
        (Level(98.9), GOOD, False),
        (Level(98.4), GOOD, True),
        (Level(99.0), Level(100.0), False),
        (Level(98.9), Level(100.0), True),
        (Level(98.9), None, True),
        (Level(p99_seconds=0.2), None, True),
        (Level(p99_seconds=0.2), Level(p99_seconds=0.05), True),
        (Level(p99_seconds=0.2), Level(p99_seconds=0.19), False),
        (Level(p99_seconds=0.09), Level(p99_seconds=0.01), False),
        (Level(), None, False),
    ],
)
def test_what_is_worse(now: Level, before: Level | None, is_worse: bool) -> None:
    made = begun("a", "c")
    made.memory = replace(
        made.memory,
        updates={"c": replace(made.memory.updates["c"], before=before)},
    )
    made.clusters["c"].level = now
    made.go(330)
    if before is not None and before.attainment is not None and now.attainment is None:
        pytest.fail("such a row would be about silence")
    assert bool(made.memory.failed) is is_worse


def failing(requests: int, failed: int) -> Level:
    return replace(GOOD, errors=Errors(requests, failed))


@pytest.mark.parametrize(
    ("now", "others", "words"),
    [
        (failing(1000, 80), failing(1000, 0), "8 % of 1000 requests fail, 0 % of 1000 before, 0 %"),
        (failing(1000, 80), failing(1000, 90), ""),
        (failing(1000, 9), failing(1000, 0), ""),
    ],
)
def test_a_change_with_which_requests_fail_ends(now: Level, others: Level, words: str) -> None:
    made = changes("a", "b", "c", canaries=("c",))
    made.clusters["c"].level = failing(1000, 0)
    made.wanted = "B"
    made.decide()
    made.clusters["c"].level = now
    for name in "ab":
        made.clusters[name].level = others
    made.go(330)

    assert made.memory.failed == ("c" if words else "")
    assert made.memory.failure.startswith(words)


def test_the_others_of_whom_nothing_is_heard_hide_nothing() -> None:
    made = begun("a", "c")
    made.clusters["c"].level = failing(1000, 80)
    made.clusters["a"].level = failing(1000, 90)
    made.clusters["a"].heard = False
    made.go(330)

    assert made.memory.failed == "c"


def test_failures_that_are_not_told_any_more_are_no_proof() -> None:
    made = changes("a", "c", canaries=("c",))
    made.clusters["c"].level = failing(1000, 0)
    made.wanted = "B"
    made.decide()
    made.clusters["c"].level = GOOD
    rollout = made.go(330)

    assert rollout.waits == {"c": "does not tell how many requests fail, as it did before"}
    assert made.having("B") == ["c"]
    made.clusters["c"].level = replace(GOOD, arrivals=0.0)
    made.go(30)
    assert made.having("B") == ["a", "c"], "whoever has no requests has none that fail"


def test_what_is_done_is_not_looked_at_again() -> None:
    made = begun("c")
    made.go(330)
    memory = made.memory
    made.clusters["c"].level = BAD
    made.go(3600)
    assert made.memory == memory == RolloutMemory("B", "s", is_complete=True)
