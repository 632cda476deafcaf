"""Which variant is served: each rule by a case, and what holds whatever is seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from triton_operator.autoscaling.variant_choice import (
    DOWN_WITHIN,
    UP_WITHIN,
    WINDOW_SECONDS,
    WINDOWS,
    Candidate,
    Choice,
    ChoiceMemory,
    ChoiceSettings,
    Look,
    choose,
)
from triton_operator.autoscaling.variant_reasons import VariantWhy

NOW = 1_000_000.0
OBJECTIVE = 0.1
SLO = ChoiceSettings(OBJECTIVE, by_objective=True, dwell_seconds=600)
STATIC = ChoiceSettings(OBJECTIVE)
FALLING_BACK = replace(STATIC, fallback="small")
PRIMARY = Candidate("primary", math.inf, 0.05)
MIDDLE = Candidate("middle", 0.8, 0.03)
SMALL = Candidate("small", 0.7, 0.01)
ALL = (PRIMARY, MIDDLE, SMALL)


def served(name: str = "primary", **parts: float | int | VariantWhy | None) -> ChoiceMemory:
    """A variant that has served for an hour."""
    values = {"since": NOW - 3600, "serving_since": NOW - 3500, "reason": VariantWhy.AS_SPECIFIED}
    return ChoiceMemory(name, **{**values, **parts})  # type: ignore[arg-type]


def missing(windows: int, name: str = "primary") -> ChoiceMemory:
    """It has missed so many windows, the last one a minute ago."""
    return served(name, missed=windows, missed_at=NOW - WINDOW_SECONDS)


def look(candidates: Sequence[Candidate] = ALL, **parts: float | bool | None) -> Look:
    """Nothing is rolled out, and the objective is kept."""
    values = {"now": NOW, "rolling": False, "late": False}
    return Look(candidates=tuple(candidates), **{**values, **parts})  # type: ignore[arg-type]


def at(candidate: Candidate, milliseconds: float | None) -> Candidate:
    """The candidate, predicted to take so long."""
    return replace(candidate, seconds=None if milliseconds is None else milliseconds / 1000)


@dataclass(frozen=True)
class Row:
    """`name` is what is served then, `why` of a change, or what `holds` one back."""

    what: str
    memory: ChoiceMemory | None
    look: Look
    name: str
    why: VariantWhy | None = None
    settings: ChoiceSettings = SLO
    holds: VariantWhy | None = None


UNABLE = replace(SMALL, able=False)
TOO_SLOW = (at(PRIMARY, 120), at(MIDDLE, 90), at(SMALL, 85))
ROWS = [
    Row("at first", None, look(), "primary", VariantWhy.AS_SPECIFIED),
    Row("two windows", missing(1), look(late=True), "primary"),
    Row("the third window", missing(2), look(late=True), "middle", VariantWhy.OBJECTIVE_MISSED),
    Row(
        "only a smaller one fits",
        missing(2),
        look((PRIMARY, at(MIDDLE, 81), SMALL), late=True),
        "small",
        VariantWhy.OBJECTIVE_MISSED,
    ),
    Row(
        "nothing more accurate, however fast",
        missing(2, "middle"),
        look((at(PRIMARY, 1), MIDDLE, SMALL), late=True),
        "small",
        VariantWhy.OBJECTIVE_MISSED,
    ),
    Row(
        "just within the limit",
        missing(2),
        look((PRIMARY, at(MIDDLE, 80), SMALL), late=True),
        "middle",
        VariantWhy.OBJECTIVE_MISSED,
    ),
    Row(
        "none is fast enough",
        missing(2),
        look(TOO_SLOW, late=True),
        "primary",
        holds=VariantWhy.NONE_FITS,
    ),
    Row(
        "what was never measured is no choice",
        missing(2),
        look((PRIMARY, at(MIDDLE, None), at(SMALL, None)), late=True),
        "primary",
        holds=VariantWhy.NONE_FITS,
    ),
    Row(
        "what cannot be served is no choice",
        missing(2),
        look((PRIMARY, replace(MIDDLE, able=False), UNABLE), late=True),
        "primary",
        holds=VariantWhy.NONE_FITS,
    ),
    Row(
        "too soon for another window",
        served(missed=2, missed_at=NOW - 59),
        look(late=True),
        "primary",
    ),
    Row(
        "the windows before are long ago",
        served(missed=2, missed_at=NOW - 200),
        look(late=True),
        "primary",
    ),
    Row("a good window ends the row", missing(2), look(late=False), "primary"),
    Row("not to know is no window", missing(2), look(late=None), "primary"),
    Row("three windows, and now nobody knows", missing(3), look(late=None), "primary"),
    Row("during a rollout", missing(2), look(late=True, rolling=True), "primary"),
    Row(
        "back up after the dwell",
        served("small", since=NOW - 600),
        look(),
        "primary",
        VariantWhy.ROOM_FOR_BETTER,
    ),
    Row(
        "before the dwell",
        served("small", since=NOW - 599),
        look(),
        "small",
        holds=VariantWhy.DWELLING,
    ),
    Row(
        "within the lower limit only",
        served("small"),
        look((at(PRIMARY, 61), at(MIDDLE, 61), SMALL)),
        "small",
    ),
    Row(
        "one step up",
        served("small"),
        look((at(PRIMARY, 61), at(MIDDLE, 60), SMALL)),
        "middle",
        VariantWhy.ROOM_FOR_BETTER,
    ),
    Row("up while nothing is known", served("small"), look(late=None), "small"),
    Row("up during a rollout", served("small"), look(rolling=True), "small"),
    Row("Static stays", missing(2), look(late=True), "primary", settings=STATIC),
    Row(
        "Static goes back",
        served("small"),
        look(late=True),
        "primary",
        VariantWhy.AS_SPECIFIED,
        settings=STATIC,
    ),
    Row(
        "a variant that the spec has no more",
        served("gone"),
        look((PRIMARY, SMALL), rolling=True),
        "primary",
        VariantWhy.VARIANT_REMOVED,
    ),
    Row(
        "the link is cut",
        served(),
        look(silent_seconds=301),
        "small",
        VariantWhy.LINK_LOST,
        settings=FALLING_BACK,
    ),
    Row(
        "the link is cut during a rollout",
        served(serving_since=None),
        look(silent_seconds=301, rolling=True),
        "small",
        VariantWhy.LINK_LOST,
        settings=FALLING_BACK,
    ),
    Row(
        "the fallback cannot be served",
        served(),
        look((PRIMARY, MIDDLE, UNABLE), silent_seconds=301),
        "primary",
        settings=FALLING_BACK,
        holds=VariantWhy.CANNOT_BE_SERVED,
    ),
    Row("no fallback is asked for", served(), look(silent_seconds=301), "primary", settings=STATIC),
    Row(
        "the load cannot leave the fallback",
        served("small", reason=VariantWhy.LINK_LOST),
        look(silent_seconds=3000),
        "small",
        settings=replace(SLO, fallback="small"),
    ),
    Row(
        "the link is back",
        served("small", reason=VariantWhy.LINK_LOST, since=NOW - 1),
        look(),
        "primary",
        VariantWhy.LINK_BACK,
        settings=FALLING_BACK,
    ),
    Row(
        "the link is back, and the primary is too slow",
        served("small", reason=VariantWhy.LINK_LOST),
        look((at(PRIMARY, 81), MIDDLE, SMALL)),
        "middle",
        VariantWhy.LINK_BACK,
        settings=replace(SLO, fallback="small"),
    ),
    Row(
        "the load had chosen the fallback before",
        served("small", reason=VariantWhy.OBJECTIVE_MISSED, since=NOW - 100),
        look(),
        "small",
        settings=replace(SLO, fallback="small"),
        holds=VariantWhy.DWELLING,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_what_is_served(row: Row) -> None:
    choice = choose(row.settings, row.look, row.memory)

    assert choice.memory.name == row.name
    assert (choice.why.why if choice.why else None) == row.why
    assert (choice.holding.why if choice.holding else None) == row.holds
    if row.why is not None:
        assert choice.memory.reason == row.why


def test_a_change_says_its_numbers() -> None:
    choice = choose(SLO, look(late=True), missing(2))

    assert choice.why is not None
    assert choice.why.sentence == (
        "primary missed the objective of 100 ms for 3 minutes; middle is predicted to take 30 ms "
        "at this load, and up to 80 ms is allowed"
    )


def test_of_equally_accurate_ones_the_first_is_the_better() -> None:
    twins = (PRIMARY, replace(MIDDLE, name="a"), replace(MIDDLE, name="b"))

    assert choose(SLO, look(twins, late=True), missing(2)).memory.name == "a"
    assert choose(SLO, look((at(PRIMARY, 99), *twins[1:])), served("b")).memory.name == "a"


def test_a_rollout_forgets_the_windows_and_when_all_pods_served() -> None:
    memory = choose(SLO, look(late=True, rolling=True), missing(2)).memory

    assert (memory.missed, memory.missed_at, memory.serving_since) == (0, None, None)
    assert choose(SLO, look(now=NOW + 9), memory).memory.serving_since == NOW + 9


def test_a_clock_that_was_put_back_makes_nobody_wait_for_longer() -> None:
    ahead = served("small", since=NOW + 86_400)

    first = choose(SLO, look(), ahead)
    second = choose(SLO, look(now=NOW + 600), first.memory)

    assert (first.memory.name, second.memory.name) == ("small", "primary")


ACCURACIES = st.none() | st.integers(0, 100).map(lambda percent: percent / 100)
SECONDS = st.sampled_from([None, 0.005, 0.01, 0.02, 0.04, 0.07])
"""Of a lone request; None: never measured."""
STEPS = st.sampled_from([60.0, 60.0, 60.0, 60.0, 61.0, 90.0, 180.0, 240.0, 30.0, 1.0, 0.0])
LOADS = st.sampled_from([1.0, 1.5, 2.0, 4.0, 8.0, math.inf])
"""How many times as long requests take as alone."""


@st.composite
def histories(draw: st.DrawFn) -> list[Look]:
    """Minutes of a service, in phases: a load that stays, a link that is cut, an edit of the spec,
    a rollout now and then."""
    names = ("primary", *("a", "b", "c")[: draw(st.integers(1, 3))])
    accuracies = [math.inf if (one := draw(ACCURACIES)) is None else one for _ in names]
    alone = [draw(SECONDS) for _ in names]
    now, found = NOW, []
    for _ in range(draw(st.integers(1, 5))):
        load, late = draw(LOADS), draw(st.sampled_from([True, True, False, False, None]))
        silent = draw(st.sampled_from([None, None, None, 400.0]))
        there = len(names) - draw(st.sampled_from([0, 0, 0, 1]))
        unable = draw(st.sampled_from([*names, *[""] * 8]))
        rows = tuple(
            Candidate(
                name,
                accuracy,
                None if seconds is None else load * seconds,
                able=name != unable,
            )
            for name, accuracy, seconds in list(zip(names, accuracies, alone, strict=True))[:there]
        )
        for _ in range(draw(st.integers(1, 13))):
            now += draw(STEPS)
            rolling = draw(st.integers(1, 12)) == 12
            found.append(Look(now, rows, rolling, late, silent))
    return found


def followed(wish: ChoiceSettings, looks: Sequence[Look]) -> list[tuple[Look, Choice]]:
    """Each look with the choice after it."""
    memory, found = None, []
    for one in looks:
        choice = choose(wish, one, memory)
        found.append((one, choice))
        memory = choice.memory
    return found


@pytest.mark.parametrize("why", [VariantWhy.OBJECTIVE_MISSED, VariantWhy.ROOM_FOR_BETTER])
def test_histories_have_what_the_properties_are_about(why: VariantWhy) -> None:
    def has_it(looks: list[Look]) -> bool:
        return any(choice.why and choice.why.why is why for _, choice in followed(SLO, looks))

    find(histories(), has_it, settings=settings(max_examples=2000, database=None))


SETTINGS = st.sampled_from([SLO, STATIC, FALLING_BACK, replace(SLO, fallback="a")])


@given(SETTINGS, histories())
def test_the_same_input_has_the_same_answer(wish: ChoiceSettings, looks: list[Look]) -> None:
    assert followed(wish, looks) == followed(wish, looks)


@given(histories())
def test_nothing_more_accurate_comes_before_the_dwell_is_over(looks: list[Look]) -> None:
    changed_at = NOW
    for one, choice in followed(SLO, looks):
        if choice.why is None:
            continue
        if choice.why.why is VariantWhy.ROOM_FOR_BETTER:
            assert one.now - changed_at >= SLO.dwell_seconds
        changed_at = one.now


@given(histories())
def test_the_load_changes_nothing_during_a_rollout(looks: list[Look]) -> None:
    by_load = (VariantWhy.OBJECTIVE_MISSED, VariantWhy.ROOM_FOR_BETTER)
    for one, choice in followed(SLO, looks):
        if choice.why is not None and choice.why.why in by_load:
            assert not one.rolling


@given(SETTINGS, histories())
def test_what_is_chosen_can_be_served_and_is_allowed(
    wish: ChoiceSettings, looks: list[Look]
) -> None:
    before = "primary"
    for one, choice in followed(wish, looks):
        rows = {row.name: row for row in one.candidates}
        name = choice.memory.name
        assert name in rows
        if name != before and before in rows:
            assert rows[name].able
            cut = one.silent_seconds is not None and wish.fallback in rows
            if cut:
                assert name == wish.fallback
            elif not wish.by_objective:
                assert name == "primary"
        before = name


@given(histories())
def test_the_limits_hold_for_what_the_load_chooses(looks: list[Look]) -> None:
    for one, choice in followed(SLO, looks):
        if choice.why is None or choice.why.why not in _LIMITS:
            continue
        row = next(row for row in one.candidates if row.name == choice.memory.name)
        assert row.seconds is not None
        assert row.seconds <= _LIMITS[choice.why.why] * OBJECTIVE


_LIMITS = {
    VariantWhy.OBJECTIVE_MISSED: DOWN_WITHIN,
    VariantWhy.ROOM_FOR_BETTER: UP_WITHIN,
}


@given(histories())
def test_it_goes_down_only_after_three_windows(looks: list[Look]) -> None:
    """Counted anew from the looks themselves: three that were late, a minute apart, and none
    between them that was in time."""
    late_at: list[float] = []
    for one, choice in followed(SLO, looks):
        if one.late is False or one.rolling:
            late_at = []
        elif one.late:
            late_at.append(one.now)
        if choice.why is None:
            continue
        if choice.why.why is VariantWhy.OBJECTIVE_MISSED:
            assert len(late_at) >= WINDOWS
            assert late_at[-1] - late_at[0] >= (WINDOWS - 1) * WINDOW_SECONDS
        late_at = []
