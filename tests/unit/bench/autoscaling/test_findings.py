from dataclasses import replace

import pytest

from bench.autoscaling.findings import Faulty, Findings, aims, chosen_settings
from bench.autoscaling.oracle import Clairvoyant
from bench.autoscaling.summary import Key, Outcome

POINT = Outcome(0.99, 1.5, 0.0, 0.0, 10.0, 20.0, 0.0, 40.0, 0.0, 0.99)
TRACES = ("calm", "spike")


def point(attainment: float, cost: float) -> Outcome:
    return replace(POINT, attainment=attainment, cost=cost)


def both(attainment: float, cost: float) -> dict[str, Outcome]:
    """The same on both traces, and on a step that does not count."""
    seen = point(attainment, cost)
    return {"calm": seen, "spike": seen, "step": point(0.5, 9.0)}


def found(tried: dict[Key, dict[str, Outcome]]) -> Findings:
    clairvoyant = Clairvoyant(0.998, 1000.0, (), ())
    chosen = chosen_settings(tried, TRACES)
    return Findings(
        TRACES,
        ("step",),
        dict.fromkeys((*TRACES, "step"), clairvoyant),
        tried,
        {(policy, setting): tried[policy, setting] for policy, setting in chosen.items()},
        {
            ("kpa", "no_scrapes"): Faulty(0.9, 1.0, 3),
            ("kpa", "source_down"): Faulty(0.9, 1.0, 1),
            ("kpa", "pod_crash"): Faulty(0.9, 1.0, None),
        },
    )


KPA = {
    ("kpa", 1.7): both(0.996, 1.8),
    ("kpa", 2.3): both(0.992, 1.6),
    ("kpa", 3.0): both(0.95, 1.4),
}


def test_each_policy_has_one_setting_for_the_suite() -> None:
    suite = found(KPA)

    assert suite.policies == ["kpa"]
    assert suite.setting("kpa") == 2.3
    assert suite.curve("kpa") == [(0.95, 1.4), (0.992, 1.6), (0.996, 1.8)]


def test_extras_are_not_in_the_mean() -> None:
    assert found(KPA).in_the_mean("kpa").cost == pytest.approx(1.6)


def test_removed_replicas_are_those_of_faults_of_metrics() -> None:
    assert found(KPA).replicas_removed("kpa") == 4


def test_the_last_line() -> None:
    seen = {"attainment": 0.992, "cost": 1.6, "bad_minutes": 0.0, "actions": 10.0}

    assert found(KPA).line() == {
        "suite": {"kpa": seen},
        "faults": {"replicas_removed": None},
        "replica_seconds": {},
        "step": {"seconds_to_clear": None},
        "decision": {"warm_p99_ms": None, "slowest_cold_ms": None, "warm": 0, "cold": 0},
    }


def test_who_is_tuned_for_a_trace_scales_or_knows_its_peak() -> None:
    suite = found(
        {("ours", 1.0): both(0.991, 1.2), **KPA, ("static", 0.99): both(0.995, 1.1)},
    )

    scaling, constant = suite.tuned_for("calm"), suite.tuned_for("calm", constant=True)

    assert scaling == (("kpa", 2.3), point(0.992, 1.6))
    assert constant == (("static", 0.99), point(0.995, 1.1))


def test_ours_against_theirs_at_the_same_attainment() -> None:
    suite = found({("ours", 1.0): both(0.994, 1.275), **KPA})

    # Half way between 1.6 and 1.8; and at theirs there is nothing cheaper of ours.
    assert suite.against("kpa") == (pytest.approx(0.75), pytest.approx(1.275 / 1.6))


@pytest.mark.parametrize(
    ("why", "ours", "met"),
    [
        ("good and cheap", (0.994, 1.2), {"mean": True, "20 %": True, "calm": True}),
        ("good and dear", (0.994, 1.9), {"mean": False, "20 %": False, "calm": False}),
        ("cheap and bad", (0.985, 1.2), {"mean": False, "20 %": False, "calm": True}),
    ],
)
def test_aims(why: str, ours: tuple[float, float], met: dict[str, bool]) -> None:
    held = {aim.text: aim.met for aim in aims(found({("ours", 1.0): both(*ours), **KPA}))}

    for begin, expected in met.items():
        assert [m for text, m in held.items() if text.startswith(begin)] == [expected], (why, begin)
