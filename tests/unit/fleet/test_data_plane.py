"""Whether an endpoint answers: three failures say no, one answer says yes, and silence of all is
the hub's own."""

from __future__ import annotations

import pytest

from triton_operator.fleet.data_plane import DataPlane, Probe, after_round

KINDS = {"+": Probe.ANSWERED, "-": Probe.FAILED, ".": Probe.SILENT, "?": Probe.UNTRUSTED}


def after(*rounds: str) -> list[DataPlane]:
    """Of endpoints in their order; a round has a letter for each."""
    known: dict[str, DataPlane] = {}
    for one in rounds:
        found = {str(place): (KINDS[kind], kind) for place, kind in enumerate(one)}
        known = after_round(known, found)
    return list(known.values())


@pytest.mark.parametrize(
    ("probes", "answers"),
    [
        ("+", True),
        ("--", None),
        ("---", False),
        ("-.-", False),
        ("...", False),
        ("+--", True),
        ("+---", False),
        ("+...", False),
        ("+--+--", True),
        ("---+", True),
        ("+?", None),
        ("--?-", None),
        ("---?--", None),
        ("---?---", False),
    ],
)
def test_one_alone_after_some_probes(probes: str, answers: bool | None) -> None:
    (found,) = after(*probes)

    assert found.answers is answers
    assert found.said == probes[-1]


@pytest.mark.parametrize(
    ("rounds", "answers"),
    [
        pytest.param(["+++", *["+.+"] * 3], [True, False, True], id="one of many"),
        pytest.param(["+++", *["+.."] * 3], [True, False, False], id="all but one"),
        pytest.param(["+++", *["..."] * 9], [True] * 3, id="all at once"),
        pytest.param(["...", "...", "..."], [None] * 3, id="all from the beginning"),
        pytest.param(["+++", "+..", *["..."] * 9], [True] * 3, id="in the middle of a round"),
        pytest.param(["+++", *["--."] * 3], [False] * 3, id="all, but the network answers"),
        pytest.param(["+++", *["?.."] * 3], [None, False, False], id="a strange certificate"),
        pytest.param(["++", *["+."] * 3, *[".."] * 3], [False, False], id="the last one"),
        pytest.param(
            ["+++", *["+.+"] * 3, *["..."] * 9], [True, False, True], id="one was silent before"
        ),
        pytest.param(
            ["+++", *["..."] * 9, *["+.+"] * 2], [True] * 3, id="what was not counted stays so"
        ),
        pytest.param(["+++", *["..."] * 9, *["+.+"] * 3], [True, False, True], id="and then"),
    ],
)
def test_silence_of_all_is_the_hubs_own(rounds: list[str], answers: list[bool | None]) -> None:
    assert [one.answers for one in after(*rounds)] == answers


def test_what_is_known_of_a_time_before_says_so() -> None:
    assert [one.unheard for one in after("++", "..")] == [True, True]
    assert [one.unheard for one in after("++", "..", "+.")] == [False, False]


def test_a_new_endpoint_is_one_that_is_expected() -> None:
    known = {"a": DataPlane(True)}
    found = after_round(known, {"a": (Probe.SILENT, ""), "b": (Probe.SILENT, "")})

    assert found == {"a": DataPlane(True, unheard=True), "b": DataPlane(unheard=True)}
