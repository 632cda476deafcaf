"""A cluster that is heard of, or is not: every arrow between the states, and when."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.fleet.connection import Connection, Heartbeat, heard, observed

BEAT = Heartbeat()
CONNECTED = Connection(ConnectionState.CONNECTED, ConnectionReason.HEARD, 0.0, None, -600.0)
State = ConnectionState


def history(
    connection: Connection, seconds: Iterable[int], is_up: Callable[[int], bool]
) -> list[tuple[int, Connection]]:
    """Looked at every second; a heartbeat each 5 s of contact."""
    seen = []
    for now in seconds:
        if is_up(now) and now % 5 == 0:
            connection = heard(connection, now, BEAT)
        connection = observed(connection, now, BEAT)
        seen.append((now, connection))
    return seen


def transitions(seen: list[tuple[int, Connection]], first: State) -> list[tuple[int, State]]:
    found, before = [], first
    for now, connection in seen:
        if connection.state is not before:
            found.append((now, connection.state))
        before = connection.state
    return found


def test_an_outage_of_400_seconds() -> None:
    seen = history(CONNECTED, range(1, 700), lambda now: now >= 400)

    assert transitions(seen, State.CONNECTED) == [
        (60, State.SUSPECT),
        (300, State.LOST),
        (400, State.RECOVERING),
        (520, State.CONNECTED),
    ]
    assert {one.lost_since for now, one in seen if 60 <= now < 520} == {0.0}
    assert seen[-1][1].lost_since is None


@pytest.mark.parametrize(
    ("up", "down", "flaps"), [(20, 20, 89), (10, 50, 59)], ids=["20/20", "10/50"]
)
def test_a_link_that_flaps_moves_nothing(up: int, down: int, flaps: int) -> None:
    seen = history(CONNECTED, range(1, 3600), lambda now: now % (up + down) < up)

    assert transitions(seen, State.CONNECTED) == []
    assert seen[-1][1].flaps == flaps


def test_flaps_are_counted_with_the_usual_heartbeat_too() -> None:
    """Beats at 0 and 15 s, then 25 s without: one did not come."""
    connection = CONNECTED
    for start in range(40, 3600, 40):
        for now in (start, start + 15):
            connection = heard(connection, now, BEAT)

    assert connection.state is State.CONNECTED
    assert connection.flaps == 89


@pytest.mark.parametrize(
    ("before", "back_at", "after"),
    [
        pytest.param(State.SUSPECT, 100, State.CONNECTED, id="suspect recovers"),
        pytest.param(State.LOST, 400, State.CONNECTED, id="lost recovers"),
    ],
)
def test_a_whole_recovery_takes_unbroken_contact(before: State, back_at: int, after: State) -> None:
    seen = history(CONNECTED, range(1, back_at + 130), lambda now: now >= back_at)
    found = transitions(seen, State.CONNECTED)

    assert (back_at + 120, after) == found[-1]
    assert before in {state for _, state in found}


def test_a_short_contact_does_not_move_the_time_of_the_loss() -> None:
    seen = history(CONNECTED, range(1, 400), lambda now: 100 <= now < 120 or 200 <= now < 220)

    assert transitions(seen, State.CONNECTED) == [(60, State.SUSPECT), (300, State.LOST)]
    assert seen[-1][1].lost_since == 0.0


def test_who_is_heard_of_at_the_moment_is_not_lost() -> None:
    seen = history(CONNECTED, range(1, 420), lambda now: now >= 285)

    assert transitions(seen, State.CONNECTED) == [(60, State.SUSPECT), (405, State.CONNECTED)]


def test_a_break_while_recovering_is_a_loss_since_the_first_one() -> None:
    seen = history(CONNECTED, range(1, 600), lambda now: 400 <= now < 450 or now >= 500)
    found = transitions(seen, State.CONNECTED)

    assert found[2:] == [(400, State.RECOVERING), (468, State.LOST), (500, State.RECOVERING)]
    assert seen[470][1].reason is ConnectionReason.BROKEN_AGAIN
    assert seen[-1][1].lost_since == 0.0


def test_one_look_may_cross_two_states() -> None:
    assert observed(CONNECTED, 1000.0, BEAT).state is State.LOST


def test_a_contact_after_a_long_time_tells_of_the_silence_too() -> None:
    after = heard(CONNECTED, 1000.0, BEAT)

    assert (after.state, after.lost_since, after.flaps) == (State.RECOVERING, 0.0, 1)


def test_never_connected_is_lost_and_says_so() -> None:
    never = observed(Connection(), 1e9, BEAT)

    assert (never.state, never.reason) == (State.LOST, ConnectionReason.NEVER_CONNECTED)
    assert never.age_seconds(1e9) == math.inf
    first = heard(never, 0.0, BEAT)
    assert (first.state, first.flaps) == (State.RECOVERING, 0)
    seen = history(first, range(1, 130), lambda now: True)
    assert transitions(seen, State.RECOVERING) == [(120, State.CONNECTED)]


def test_a_hub_that_restarts_in_an_outage_keeps_the_first_loss() -> None:
    suspect = observed(CONNECTED, 100.0, BEAT)

    early = observed(suspect, 320.0, BEAT, listening_since=310.0)
    later = observed(early, 370.0, BEAT, listening_since=310.0)

    assert early.state is State.SUSPECT
    assert (later.state, later.lost_since) == (State.LOST, 0.0)


def test_the_hubs_own_absence_is_no_silence_of_clusters() -> None:
    back = observed(CONNECTED, 1000.0, BEAT, listening_since=990.0)
    after = heard(back, 1005.0, BEAT, listening_since=990.0)

    assert (back.state, after.state) == (State.CONNECTED, State.CONNECTED)
    suspect = observed(back, 1050.0, BEAT, listening_since=990.0)
    assert (suspect.state, suspect.lost_since) == (State.SUSPECT, 990.0)


def test_what_nobody_heard_is_no_unbroken_contact() -> None:
    recovering = Connection(State.RECOVERING, ConnectionReason.UNPROVEN, 400.0, 0.0, 390.0)

    after = heard(recovering, 700.0, BEAT, listening_since=695.0)

    assert after.state is State.RECOVERING


def test_a_clock_that_steps_back_changes_nothing() -> None:
    late = replace(CONNECTED, heard_at=1000.0, unbroken_since=900.0)

    assert observed(late, 10.0, BEAT) == late
    assert heard(late, 10.0, BEAT) == late
